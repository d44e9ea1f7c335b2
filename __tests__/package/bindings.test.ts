import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

function textsBelow(folder: string): Record<string, string> {
  const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const file = path.join(entry.parentPath, entry.name);
      return [path.relative(folder, file), fs.readFileSync(file, "utf8")];
    }),
  );
}

test("the bindings of the MySQL provider are as the script generates them", () => {
  const fresh = fs.mkdtempSync(path.join(os.tmpdir(), "bindings-"));
  try {
    execFileSync(process.execPath, [path.join(root, "scripts", "generate-mysql-bindings.js"), fresh], {
      stdio: "ignore",
    });
    expect(textsBelow(path.join(root, "src", "providers", "mysql"))).toEqual(textsBelow(fresh));
  } finally {
    fs.rmSync(fresh, { recursive: true });
  }
}, 120_000);
