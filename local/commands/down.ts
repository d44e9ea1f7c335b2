import { takeDown } from "../environment/left-running";
import { refuseWhileRunning } from "../tools/run-lock";
import { runTool } from "../tools/run-tool";

runTool(async () => {
  refuseWhileRunning("demo");
  const ended = await takeDown();
  console.log(ended.length > 0 ? `Stopped: ${ended.join(", ")}` : "Nothing was running");
});
