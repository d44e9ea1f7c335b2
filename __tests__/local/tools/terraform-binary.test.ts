import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../../../local/tools/paths";

test("no tool and no test starts terraform by its name: TERRAFORM_BINARY_NAME counts everywhere", () => {
  const files = execFileSync("git", ["ls-files", "*.ts", "*.js", "*.mjs", "*.py"], {
    cwd: repositoryRoot,
    encoding: "utf8",
  })
    .trim()
    .split("\n");
  // A program is the first argument of a call, or of a list of arguments.
  const started =
    /(?:runCommand|spawn|spawnSync|exec|execFile|execFileSync|run|Popen|check_output)\(\s*\[?["'`]terraform["'`]/;
  expect(files.length).toBeGreaterThan(300);
  expect(files.filter((file) => started.test(readFileSync(path.join(repositoryRoot, file), "utf8")))).toEqual([]);
});
