import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";

const root = path.join(__dirname, "..", "..");

// A bundle is the package's code in another folder than the package's files; so is a copy of the code.
describe("the package's code in a bundle", () => {
  let bundle: string;
  let folder: string;
  beforeEach(() => {
    bundle = mkdtempSync(path.join(tmpdir(), "bundle-"));
    folder = path.join(bundle, "modules", "common");
    for (const part of ["modules/common", "schema"]) {
      cpSync(path.join(root, "dist", part), path.join(bundle, part), { recursive: true });
    }
    symlinkSync(path.join(root, "node_modules"), path.join(bundle, "node_modules"));
  });
  afterEach(() => rmSync(bundle, { recursive: true }));

  const run = (expression: string): string =>
    execFileSync(process.execPath, ["-e", `console.log(${expression})`], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    }).trim();

  it("says which package misses its files, and what to do", () => {
    const message =
      `cdktf-xray-data-lake: dist/assets/xray_backup.zip is not where the package's code runs, ${folder}: leave the ` +
      "package out of your bundle (esbuild --external:cdktf-xray-data-lake), or copy its folders dist/assets and sql into " +
      path.join(folder, "cdktf-xray-data-lake");
    expect(() => run('require("./assets").assetPath("xray_backup.zip")')).toThrow(message);
    expect(() => run('require("./assets").packagePath("sql", "migrations")')).toThrow("sql/migrations is not where");
    expect(() => run('require("./data-model").DataModel.xray()')).toThrow("dist/assets/data_model.json is not where");
  });

  it("finds them in a copy beside it", () => {
    const copy = path.join(folder, "cdktf-xray-data-lake");
    for (const part of ["dist/assets", "sql"]) {
      mkdirSync(path.join(copy, part), { recursive: true });
      cpSync(path.join(root, part), path.join(copy, part), { recursive: true });
    }
    expect(run('require("./assets").assetPath("xray_backup.zip")')).toBe(
      path.join(copy, "dist/assets/xray_backup.zip"),
    );
    expect(run('require("./assets").packagePath("sql", "migrations")')).toBe(path.join(copy, "sql/migrations"));
    expect(run('require("./assets").RDS_CA_BUNDLE')).toBe(path.join(copy, "dist/assets/rds-ca-bundle.pem"));
    expect(run('require("./rds-authorities").regionsWithRdsAuthority().size')).toBe("36");
  });
});
