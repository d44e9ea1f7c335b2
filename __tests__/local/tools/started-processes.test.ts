import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { endStarted, noteStarted } from "../../../local/tools/started-processes";

test("ends what still runs, with all that it started, and names it", async () => {
  // The group's leader waits for a child of its own.
  const leader = spawn("sh", ["-c", "sleep 60 & echo $!; wait"], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = (await once(leader.stdout, "data")) as [Buffer];
  noteStarted(leader, "a group", true);
  const ended = spawn("true");
  noteStarted(ended, "an ended one");
  await once(ended, "exit");

  expect(await endStarted()).toEqual(["a group"]);
  expect(leader.signalCode).toBe("SIGTERM");
  const child = `/proc/${String(line).trim()}/stat`;
  expect(existsSync(child) ? readFileSync(child, "utf8") : "gone").toMatch(/gone|\) Z /);
  expect(await endStarted()).toEqual([]);
});
