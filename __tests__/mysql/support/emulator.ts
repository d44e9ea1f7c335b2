import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import getPort from "get-port";
import { repositoryRoot } from "../../../local/mysql/install";
import { secrets } from "./synth";

/** An AWS emulator that holds the users' secrets. */
export interface Emulator {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the project's AWS emulator on a free port and puts the users' secrets into it. */
export async function startEmulator(): Promise<Emulator> {
  const python = path.join(repositoryRoot, ".local", "venv", "emulator", "bin", "python");
  if (!existsSync(python)) throw new Error("the AWS emulator is not set up: make setup");
  const port = await getPort({ host: "127.0.0.1" });
  const server = spawn(python, [path.join(repositoryRoot, "local", "emulator.py"), "-p", String(port)], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  const client = new SecretsManagerClient({
    endpoint: url,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const deadline = Date.now() + 60_000;
  while ((await fetch(url).catch(() => undefined)) === undefined) {
    if (Date.now() > deadline || server.exitCode !== null) throw new Error("the AWS emulator did not start");
    await sleep(200);
  }
  for (const [name, text] of Object.entries(secrets)) {
    await client.send(new CreateSecretCommand({ Name: name, SecretString: text }));
  }
  return {
    url,
    stop: async () => {
      client.destroy();
      server.kill();
      await ended;
    },
  };
}
