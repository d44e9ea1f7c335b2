import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { localPath, repositoryRoot } from "../../../local/tools/paths";
import { lockRun, refuseWhileRunning } from "../../../local/tools/run-lock";

test("a second run is refused while the first is at work, and no longer", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "lock-"));
  mkdirSync(path.join(folder, "commands"));
  const script = path.join(folder, "commands", "waiting.js");
  writeFileSync(script, "setInterval(() => {}, 1000); console.log('ready')");
  const first = spawn(process.execPath, [script], { cwd: repositoryRoot, stdio: ["ignore", "pipe", "ignore"] });
  await once(first.stdout, "data");
  mkdirSync(localPath(), { recursive: true });
  writeFileSync(localPath("waiting.lock"), String(first.pid));
  const message = `make waiting runs in this folder (process ${first.pid}): wait for its end, or stop it with Ctrl-C`;
  expect(() => lockRun("waiting")).toThrow(message);
  expect(() => refuseWhileRunning("waiting")).toThrow(message);

  first.kill();
  await once(first, "exit");
  expect(() => lockRun("waiting")).not.toThrow();
  rmSync(localPath("waiting.lock"));
  rmSync(folder, { recursive: true });
});
