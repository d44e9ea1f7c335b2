import { takeDown } from "./local-environment";
import { runTool } from "./tool-error";

runTool(async () => {
  const ended = await takeDown();
  console.log(ended.length > 0 ? `Stopped: ${ended.join(", ")}` : "Nothing was running");
});
