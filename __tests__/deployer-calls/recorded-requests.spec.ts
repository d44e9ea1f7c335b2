import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { copyApp } from "../../local/environment/app-copy";
import { CdktfProject } from "../../local/environment/cdktf-project";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { startEmulator } from "../../local/servers/aws/emulator";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { distinctRequests, readRecordedRequests, writeRecordedRequests } from "../support/aws-calls/recorded-requests";
import { RecordingProxy } from "../support/aws-calls/recording-proxy";

jest.setTimeout(60 * 60_000);

const folder = localPath("deployer-calls");

/** Deploys, changes and destroys stacks, and returns the requests of it. */
async function record(environment: "dev" | "full", change: NodeJS.ProcessEnv) {
  const emulator = await startEmulator();
  const proxy = await RecordingProxy.start(emulator.url);
  const home = mkdtempSync(path.join(tmpdir(), "deployer-"));
  const variables = {
    ...terraformEnvironment(),
    HOME: home,
    AWS_ENDPOINT_URL: proxy.url,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    DEV_STATE_BUCKET: "acme-xray-dev-state",
    DEV_BASTION: "true",
  };
  const stack = `${environment}-data-lake`;
  try {
    if (environment === "dev") await new CdktfProject(folder, variables).deploy(["dev-state-backend"]);
    await new CdktfProject(folder, variables).deploy([stack]);
    const changed = new CdktfProject(folder, { ...variables, ...change });
    await changed.deploy([stack]);
    await changed.plannedChanges(stack);
    await changed.destroy([stack]);
  } finally {
    await proxy.stop();
    await emulator.stop();
    rmSync(home, { recursive: true });
  }
  return distinctRequests(proxy.calls, environment);
}

beforeAll(() => {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: repositoryRoot });
  copyApp(folder, path.join(__dirname, "app.js"));
});

test.each([
  ["dev", { DEV_ADMIN_CIDR: "203.0.113.7/32" }],
  ["full", { CHANGED: "true" }],
] as const)("deploy, change and destroy of %s ask for the recorded rights, and for no other", async (name, change) => {
  const requests = await record(name, change);
  if (process.env["UPDATE"] === "true") writeRecordedRequests({ ...readRecordedRequests(), [name]: requests });
  expect(requests).toEqual(readRecordedRequests()[name]);
});
