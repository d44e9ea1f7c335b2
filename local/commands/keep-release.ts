import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { terraformEnvironment } from "../environment/terraform-cli-config";
import { startEmulator } from "../servers/aws/emulator";
import { localPath, repositoryRoot } from "../tools/paths";
import { runCommand } from "../tools/run-command";
import { runTool } from "../tools/run-tool";
import { terraformBinary } from "../tools/terraform-binary";
import { ToolError } from "../tools/tool-error";

/** The stack with everything that a destroy leaves. */
const STACK = "prod-data-lake";

type Blocks = Record<string, Record<string, { create_sql?: string }>>;

/** Addresses of a stack's resources; with the digest of its statement for one that another statement replaces. */
function addressesOf(stackFolder: string): string[] {
  const { resource } = JSON.parse(readFileSync(path.join(stackFolder, "cdk.tf.json"), "utf8")) as { resource: Blocks };
  return Object.entries(resource)
    .flatMap(([type, blocks]) =>
      Object.entries(blocks).map(([id, { create_sql: sql }]) =>
        [`${type}.${id}`, ...(sql === undefined ? [] : [createHash("sha256").update(sql).digest("hex")])].join(" "),
      ),
    )
    .sort();
}

/** Deploys a stack to an emulator and returns its state. */
async function deployedState(stackFolder: string): Promise<string> {
  const folder = localPath("kept-release");
  rmSync(folder, { recursive: true, force: true });
  cpSync(stackFolder, folder, { recursive: true });
  const emulator = await startEmulator();
  try {
    const aws = { s3_use_path_style: true, skip_credentials_validation: true, skip_metadata_api_check: "true" };
    const override = { terraform: { backend: { local: { path: "tfstate" } } }, provider: { aws } };
    writeFileSync(path.join(folder, "emulator_override.tf.json"), JSON.stringify(override));
    const keys = { AWS_ACCESS_KEY_ID: "local", AWS_SECRET_ACCESS_KEY: "local" };
    const env = { ...terraformEnvironment(), ...keys, AWS_ENDPOINT_URL: emulator.url };
    await runCommand(terraformBinary(), ["init", "-no-color"], { cwd: folder, env });
    await runCommand(terraformBinary(), ["apply", "-no-color", "-auto-approve"], { cwd: folder, env });
    return JSON.stringify(JSON.parse(readFileSync(path.join(folder, "tfstate"), "utf8")));
  } finally {
    await emulator.stop();
  }
}

// Keeps the addresses of every environment and a state of prod, as this version synthesizes and deploys them: the tests of later
// versions plan over them.
runTool(async () => {
  const { version } = JSON.parse(readFileSync(path.join(repositoryRoot, "package.json"), "utf8")) as {
    version: string;
  };
  const release = path.join(repositoryRoot, "__tests__", "releases", version);
  if (existsSync(release))
    throw new ToolError(`${version} is kept already: raise the version first (npm run raise-version)`);
  const out = localPath("kept-release-synth");
  rmSync(out, { recursive: true, force: true });
  await runCommand(process.execPath, ["dist/main.js"], {
    cwd: repositoryRoot,
    env: { ...process.env, CDKTF_OUTDIR: out },
  });
  const stacks = path.join(out, "stacks");
  mkdirSync(release, { recursive: true });
  const addresses = Object.fromEntries(
    readdirSync(stacks)
      .sort()
      .map((stack) => [stack, addressesOf(path.join(stacks, stack))]),
  );
  writeFileSync(path.join(release, "addresses.json"), `${JSON.stringify(addresses, null, 2)}\n`);
  writeFileSync(path.join(release, `${STACK}.tfstate`), await deployedState(path.join(stacks, STACK)));
  console.log(`kept in ${path.relative(repositoryRoot, release)}`);
});
