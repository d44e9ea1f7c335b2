import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { terraformEnvironment } from "../../local/environment/terraform-cli-config";
import { localPath, repositoryRoot } from "../../local/tools/paths";
import { pythonEnvironment } from "../../local/tools/python-environment";

/**
 * Copies the repository's files, as a clone has them, and adds an authority to its bundle of RDS's: the one that signed the
 * certificate of the server that stands for RDS.
 */
export function cloneRepository(folder: string, authority?: string): void {
  rmSync(folder, { recursive: true, force: true });
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", list, { cwd: repositoryRoot, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const file of files) {
    if (!existsSync(path.join(repositoryRoot, file))) continue;
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(path.join(repositoryRoot, file), path.join(folder, file));
  }
  if (authority === undefined) return;
  appendFileSync(path.join(folder, "glue", "xray_backup", "rds-ca-bundle.pem"), `\n${readFileSync(authority, "utf8")}`);
}

/** Takes the packages of this repository in the place of `npm ci`. */
export function takePackages(folder: string): void {
  spawnSync("cp", ["-al", path.join(repositoryRoot, "node_modules"), path.join(folder, "node_modules")]);
}

/**
 * What is not real: the tunnel's session, since no emulator has a session manager. It forwards the local port to the server, as
 * the bastion would, and ends at SIGINT.
 */
const SESSION = `
const net = require("node:net");
const args = process.argv.slice(2);
const { localPortNumber } = JSON.parse(args[args.indexOf("--parameters") + 1]);
net.createServer((incoming) => {
  const outgoing = net.connect(Number(process.env.SERVER_PORT), "127.0.0.1");
  incoming.pipe(outgoing).pipe(incoming);
  for (const socket of [incoming, outgoing]) socket.on("error", () => { incoming.destroy(); outgoing.destroy(); });
}).listen(Number(localPortNumber[0]), "127.0.0.1");
process.on("SIGINT", () => process.exit(0));
`;

/** Folder of programs that come before the machine's: the AWS CLI, its plugin, and npx. */
export async function makePrograms(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await pythonEnvironment("aws-cli", path.join(repositoryRoot, "local", "aws-cli.txt"));
  const program = (name: string, text: string): void => {
    writeFileSync(path.join(folder, name), text);
    chmodSync(path.join(folder, name), 0o755);
  };
  const session = path.join(folder, "session.js");
  writeFileSync(session, SESSION);
  const cli = localPath("venv", "aws-cli", "bin", "aws");
  program(
    "aws",
    `#!/bin/sh\n[ "$1 $2" = "ssm start-session" ] && exec ${process.execPath} ${session} "$@"\nexec ${cli} "$@"\n`,
  );
  program("session-manager-plugin", "#!/bin/sh\n");
  // Without a registry of providers cdktf cannot write the checksums of other platforms.
  const npx = execFileSync("sh", ["-c", "command -v npx"], { encoding: "utf8" }).trim();
  program("npx", `#!/bin/sh\n[ "$1 $2" = "cdktf deploy" ] && set -- "$@" --skip-provider-lock\nexec ${npx} "$@"\n`);
  return folder;
}

/** Variables of a person's shell: the administrator's keys, the account's address. */
export function personsEnvironment(programs: string, endpoint: string, serverPort: number): NodeJS.ProcessEnv {
  return {
    ...terraformEnvironment(),
    PATH: `${programs}:${process.env["PATH"] ?? ""}`,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_DEFAULT_REGION: LOCAL_REGION,
    AWS_ENDPOINT_URL: endpoint,
    POLL_SECONDS: "0.2",
    SERVER_PORT: String(serverPort),
  };
}
