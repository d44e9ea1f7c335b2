import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { connect } from "node:net";
import type { DatabaseTunnel } from "../modules/access/database-bastion";
import { TunnelError } from "./tunnel-error";

const PROGRAMS = {
  aws: "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html",
  "session-manager-plugin":
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html",
};
const POLL_MS = 200;
const END_MS = 5_000;

/** Throws where the AWS CLI or its plugin for sessions is missing. */
export function checkPrograms(): void {
  for (const [program, page] of Object.entries(PROGRAMS)) {
    const { error } = spawnSync(program, ["--version"], { stdio: "ignore" });
    if (error !== undefined) throw new TunnelError(`${program} is not on the PATH: install it, see ${page}`);
  }
}

/** A session of Systems Manager that forwards a port of this machine to the database. */
export class Session {
  /** Resolves with a reason when the session ends by itself. */
  readonly ended: Promise<string>;

  private readonly child: ChildProcess;
  private lastLine = "";
  private hasEnded = false;

  constructor(
    { instance_id, document_name, region }: DatabaseTunnel,
    private readonly localPort: number,
  ) {
    const parameters = JSON.stringify({ localPortNumber: [String(localPort)] });
    const options = { target: instance_id, "document-name": document_name, region, parameters };
    const args = Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]);
    // A process group of its own: Ctrl-C goes to this process, which ends the session in its turn.
    this.child = spawn("aws", ["ssm", "start-session", ...args], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.lastLine = text.trim().split("\n").at(-1) ?? this.lastLine;
      });
    }
    this.ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.hasEnded = true;
        resolve(reason);
      };
      this.child.once("error", ({ message }) => end(message));
      this.child.once("close", (code) =>
        end(this.lastLine || `aws ssm start-session ended with ${code ?? "a signal"}`),
      );
    });
  }

  /** Waits until the database greets: the plugin opens the port before the way behind it is there. */
  async waitForServer(seconds: number): Promise<void> {
    const until = Date.now() + seconds * 1_000;
    while (Date.now() < until) {
      if (this.hasEnded) throw new TunnelError(`the session ended: ${await this.ended}`);
      if (await greets(this.localPort)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new TunnelError(
      `the database did not answer within ${seconds} seconds${this.lastLine && `: ${this.lastLine}`}`,
    );
  }

  /** Ends the session as Ctrl-C does, so that the plugin tells Systems Manager. */
  async end(): Promise<void> {
    if (this.hasEnded || this.child.pid === undefined) return;
    const group = -this.child.pid;
    process.kill(group, "SIGINT");
    const kill = setTimeout(() => process.kill(group, "SIGKILL"), END_MS);
    await this.ended;
    clearTimeout(kill);
  }
}

/** MySQL speaks first: a byte of its greeting shows that the whole way is open. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(5_000, () => settle(false));
    socket.once("data", () => settle(true));
    for (const event of ["error", "end"]) socket.once(event, () => settle(false));
  });
}
