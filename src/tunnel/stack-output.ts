import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import type { DatabaseTunnel } from "../modules/access/database-bastion";
import { TunnelError } from "./tunnel-error";

const FIELDS = { instance_id: "string", document_name: "string", region: "string", host: "string", port: "number" };

/**
 * Reads the output `database_tunnel` of a deployed stack from the folder that cdktf keeps for it.
 *
 * @param name a stack's name, or the name of an environment, whose stack is `<name>-data-lake`
 */
export function readTunnelOutput(name: string): { stack: string; tunnel: DatabaseTunnel } {
  const stacks = path.join(process.env.CDKTF_OUTDIR ?? "cdktf.out", "stacks");
  const stack = [name, `${name}-data-lake`].find((candidate) => existsSync(path.join(stacks, candidate)));
  if (stack === undefined) {
    throw new TunnelError(`no stack ${name} or ${name}-data-lake below ${stacks}: deploy it first, from this folder`);
  }
  const terraform = process.env.TERRAFORM_BINARY_NAME ?? "terraform";
  const folder = path.join(stacks, stack);
  const result = spawnSync(terraform, [`-chdir=${folder}`, "output", "-json", "-no-color"], { encoding: "utf8" });
  if (result.error !== undefined) throw new TunnelError(`${terraform} cannot be run: ${result.error.message}`);
  if (result.status !== 0) {
    const reason = /Error: (.*)/.exec(result.stderr)?.[1] ?? result.stderr.trim().split("\n")[0];
    throw new TunnelError(`${terraform} output of ${stack} failed: ${reason}: run cdktf deploy ${stack} first`);
  }
  const outputs = JSON.parse(result.stdout) as { database_tunnel?: { value: DatabaseTunnel } };
  const tunnel = outputs.database_tunnel?.value;
  const isWhole =
    tunnel !== undefined &&
    Object.entries(FIELDS).every(([field, type]) => typeof tunnel[field as keyof DatabaseTunnel] === type);
  if (!isWhole) {
    throw new TunnelError(
      `stack ${stack} has no output database_tunnel: give it a DatabaseBastion (DEV_BASTION=true, PROD_BASTION=true), and deploy it`,
    );
  }
  return { stack, tunnel };
}
