import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { installServer } from "../local/servers/mysql/install";
import { checkJava, checkMachine } from "../local/tools/machine";
import { localPath, repositoryRoot } from "../local/tools/paths";
import { pythonEnvironment } from "../local/tools/python-environment";
import { runCommand } from "../local/tools/run-command";
import { runTool } from "../local/tools/run-tool";
import { writeComparison } from "./comparison";
import type { BenchmarkRow } from "./load";
import { benchmarkLoad, withMachine } from "./load";
import { benchmarkPeers } from "./peers";

/** Measures everything and writes bench/results.json; the arguments are those of `bench/backup`. */
runTool(async () => {
  await checkMachine();
  await checkJava(); // for the hand-made job
  const load = benchmarkLoad();
  const peers = benchmarkPeers();
  const python = await pythonEnvironment("glue", path.join(repositoryRoot, "glue", "requirements.txt"));
  const spark = path.join(repositoryRoot, "bench", "backup", "hand_made.requirements.txt");
  await pythonEnvironment("hand_made", spark);
  await installServer("mysql");
  await runCommand(python, ["-m", "bench.backup", ...process.argv.slice(2)], {
    cwd: path.join(repositoryRoot, "glue"),
    env: { ...process.env, PYTHONPATH: repositoryRoot },
    logFile: localPath("log", "bench-backup.log"),
    onLine: (line) => console.log(line),
  });
  const backupFile = localPath("bench", "results.json");
  const backup = JSON.parse(readFileSync(backupFile, "utf8")) as BenchmarkRow[];
  const results = withMachine([...load, ...peers, ...backup]);
  writeFileSync(path.join(repositoryRoot, "bench", "results.json"), `${JSON.stringify(results, null, 2)}\n`);
  writeComparison();
  const pages = ["docs/backup/bench.md", "docs/backup/scale.md", "docs/comparison.md"];
  await runCommand("npx", ["prettier", "--write", ...pages], {
    cwd: repositoryRoot,
  });
});
