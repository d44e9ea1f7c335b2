import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
} from "@aws-sdk/client-iam";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import getPort from "get-port";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { emulatorPython } from "../../local/servers/aws/emulator";
import { localPath } from "../../local/tools/paths";
import { judgeBy } from "../support/aws-calls/judge";
import { tagsOf } from "../support/aws-calls/recorded-requests";
import { RecordingProxy } from "../support/aws-calls/recording-proxy";

const ADMINISTRATOR = "local";
const credentials = { accessKeyId: ADMINISTRATOR, secretAccessKey: "local" };

/** Host that the emulator gives the database of `dev`. */
export const DATABASE_HOST = `dev-data-lake-database.aaaaaaaaaa.${LOCAL_REGION}.rds.amazonaws.com`;

/**
 * The DNS of the database's network, for the jobs' processes: the name leads to the server of the test, and port 3306 to that
 * server's own.
 */
const NETWORK = `
import os, socket
host, port = os.environ["DATABASE_HOST"], int(os.environ["DATABASE_PORT"])
addresses, connect = socket.getaddrinfo, socket.create_connection
socket.getaddrinfo = lambda name, *rest, **more: addresses("127.0.0.1" if name == host else name, *rest, **more)
def create_connection(address, *rest, **more):
    return connect(("127.0.0.1", port) if address[0] == host else address, *rest, **more)
socket.create_connection = create_connection
`;

/**
 * An AWS account on this machine: the emulator, whose Glue runs the jobs, behind a proxy that judges each call of a role by the
 * policies which are attached to it. The keys `local` are the administrator's.
 */
export class Account {
  private constructor(
    readonly proxy: RecordingProxy,
    private readonly emulatorUrl: string,
    private readonly end: () => Promise<void>,
  ) {}

  /**
   * @param clone repository whose jobs are run
   * @param scratch folder for the emulator's log
   * @param databasePort port of the server that is the database
   */
  static async start(clone: string, scratch: string, databasePort: number): Promise<Account> {
    const port = await getPort({ host: "127.0.0.1" });
    const network = path.join(scratch, "network");
    await mkdir(network, { recursive: true });
    await writeFile(path.join(network, "sitecustomize.py"), NETWORK);
    const log = openSync(path.join(scratch, "emulator.log"), "w");
    const script = path.join(clone, "glue", "tests", "support", "job_emulator.py");
    const server = spawn(emulatorPython, [script, "-H", "127.0.0.1", "-p", String(port)], {
      stdio: ["ignore", log, log],
      env: {
        ...process.env,
        AWS_ACCESS_KEY_ID: ADMINISTRATOR,
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_DEFAULT_REGION: LOCAL_REGION,
        JOB_PYTHON: localPath("venv", "glue", "bin", "python"),
        PYTHONPATH: network,
        PYTHONDONTWRITEBYTECODE: "1",
        DATABASE_HOST,
        DATABASE_PORT: String(databasePort),
      },
    });
    closeSync(log);
    const ended = new Promise((resolve) => server.once("exit", resolve));
    const url = `http://127.0.0.1:${port}`;
    while ((await fetch(`${url}/moto-api/data.json`).catch(() => undefined)) === undefined) {
      if (server.exitCode !== null) throw new Error(`the emulator ended, see ${scratch}/emulator.log`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const policies = new Policies(url);
    const proxy = await RecordingProxy.start(url, async (call, accessKeyId) =>
      accessKeyId === ADMINISTRATOR ? undefined : judgeBy(await policies.read(), tagsOf("dev"))(call, accessKeyId),
    );
    return new Account(proxy, url, async () => {
      await proxy.stop();
      server.kill();
      await ended;
    });
  }

  /** The master user's log-in, as RDS keeps it. */
  async masterUser(): Promise<{ username: string; password: string }> {
    const client = new SecretsManagerClient({ endpoint: this.emulatorUrl, region: LOCAL_REGION, credentials });
    const { SecretList = [] } = await client.send(new ListSecretsCommand({ MaxResults: 100 }));
    const secret = SecretList.find(({ Name = "" }) => Name.startsWith("rds!db-"));
    const { SecretString = "{}" } = await client.send(new GetSecretValueCommand({ SecretId: secret?.ARN }));
    return JSON.parse(SecretString) as { username: string; password: string };
  }

  async stop(): Promise<void> {
    await this.end();
  }
}

/** Policies of the deployer's role, read once: they are attached before its first call. */
class Policies {
  private readonly iam: IAMClient;
  private documents?: Promise<object[]>;

  constructor(endpoint: string) {
    this.iam = new IAMClient({ endpoint, region: LOCAL_REGION, credentials });
  }

  read(): Promise<object[]> {
    return (this.documents ??= this.readAll());
  }

  private async readAll(): Promise<object[]> {
    const { AttachedPolicies = [] } = await this.iam.send(
      new ListAttachedRolePoliciesCommand({ RoleName: "xray-dev-deployer" }),
    );
    return Promise.all(
      AttachedPolicies.map(async ({ PolicyArn }) => {
        const { Policy } = await this.iam.send(new GetPolicyCommand({ PolicyArn }));
        const VersionId = Policy?.DefaultVersionId;
        const { PolicyVersion } = await this.iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
        return JSON.parse(decodeURIComponent(PolicyVersion?.Document ?? "{}")) as object;
      }),
    );
  }
}
