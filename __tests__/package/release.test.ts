import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

jest.setTimeout(30_000);

const root = path.join(__dirname, "..", "..");
const run = promisify(execFile);

const SOURCES = ["src", "sql", "glue", "scripts", "docs", "README.md", "LICENSE", "package.json", "package-lock.json"];
/** Folders that only runs make, and the tests of Python. */
const NO_SOURCE = /\/(__pycache__|tests|\.[a-z_]+)$/;
const GITHUB = { GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "Clinic/x-ray.lake" };

/** What the workflow runs between its check of the tag and the upload. */
function releaseCommands(): string {
  const workflow = readFileSync(path.join(root, ".github", "workflows", "release.yml"), "utf8");
  const [, build = ""] = /\n {2}build:\n([\s\S]*?)\n {2}publish:\n/.exec(workflow) ?? [];
  const blocks = [...build.matchAll(/ run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/g)].map(
    ([, many, one]) => many ?? one ?? "",
  );
  return ["set -e", ...blocks.slice(blocks.findIndex((block) => block.includes("write-addresses")))].join("\n");
}

/** Copies the sources, runs the release's commands on them, and returns the folder of what they made. */
async function release(folder: string, umask: string, timeZone: string): Promise<string> {
  const copy = path.join(folder, umask);
  const filter = (source: string): boolean => !NO_SOURCE.test(source);
  for (const name of [...SOURCES, "tsconfig.json"]) {
    cpSync(path.join(root, name), path.join(copy, name), { recursive: true, filter });
  }
  await run("chmod", ["-R", umask === "077" ? "go=" : "go=rX", copy]);
  symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "dir");
  const env = { ...process.env, ...GITHUB, TZ: timeZone };
  await run("bash", ["-c", `umask ${umask}\n${releaseCommands()}`], { cwd: copy, env });
  return path.join(copy, "release");
}

const digests = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(path.join(folder, name)))
          .digest("hex"),
      ]),
  );

describe("two releases of the same sources, in other folders, by other users, in other time zones", () => {
  let folder: string;
  let releases: string[];
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "release-"));
    releases = await Promise.all([release(folder, "022", "UTC"), release(folder, "077", "Asia/Kolkata")]);
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("are the same files, byte by byte", () => {
    const [first = {}, second] = releases.map(digests);
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    expect(Object.keys(first)).toEqual([
      `cdktf-xray-data-lake-${version}.tgz`,
      `cdktn-xray-data-lake-${version}.tgz`,
      "sbom.cdx.json",
    ]);
    expect(second).toEqual(first);
  });

  it("name the repository that made them, in both packages", async () => {
    const [from = ""] = releases;
    for (const tarball of readdirSync(from).filter((name) => name.endsWith(".tgz"))) {
      const { stdout } = await run("tar", ["-xzOf", path.join(from, tarball), "package/package.json"]);
      expect(JSON.parse(stdout)).toMatchObject({
        homepage: "https://clinic.github.io/x-ray.lake",
        bugs: { url: "https://github.com/Clinic/x-ray.lake/issues" },
        repository: { type: "git", url: "git+https://github.com/Clinic/x-ray.lake.git" },
      });
    }
  });
});

describe("the addresses of a repository", () => {
  const written = async (variables: Record<string, string>): Promise<Record<string, unknown>> => {
    const folder = mkdtempSync(path.join(tmpdir(), "addresses-"));
    try {
      writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name: "one", version: "1.0.0" }));
      const env = { ...process.env, ...variables };
      await run(process.execPath, [path.join(root, "scripts", "write-addresses.js")], { cwd: folder, env });
      return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as Record<string, unknown>;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("have the owner's own page where the repository is named after it, and none on another server", async () => {
    const own = await written({ ...GITHUB, GITHUB_REPOSITORY: "clinic/clinic.github.io" });
    expect(own["homepage"]).toBe("https://clinic.github.io");
    const other = await written({ ...GITHUB, GITHUB_SERVER_URL: "https://git.clinic.example" });
    expect(other).toEqual({
      name: "one",
      version: "1.0.0",
      bugs: { url: "https://git.clinic.example/Clinic/x-ray.lake/issues" },
      repository: { type: "git", url: "git+https://git.clinic.example/Clinic/x-ray.lake.git" },
    });
  });

  it.each([
    ["https://github.com", ""],
    ["https://github.com", "x-ray-lake"],
    ["github.com", "clinic/lake"],
  ])("are refused from %s and %s", async (GITHUB_SERVER_URL, GITHUB_REPOSITORY) => {
    await expect(written({ GITHUB_SERVER_URL, GITHUB_REPOSITORY })).rejects.toThrow(
      "write-addresses: GITHUB_SERVER_URL and GITHUB_REPOSITORY must be as GitHub Actions sets them",
    );
  });
});
