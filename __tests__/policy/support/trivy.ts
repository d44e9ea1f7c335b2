import { existsSync } from "node:fs";
import path from "node:path";
import { localPath } from "../../../local/tools/paths";
import { runCommand } from "../../../local/tools/run-command";
import { type Verdict, withoutHash } from "./findings";

interface Misconfiguration {
  readonly ID: string;
  readonly CauseMetadata: { readonly Resource?: string };
}
interface TrivyReport {
  readonly Results?: {
    readonly MisconfSummary?: { readonly Successes: number };
    readonly Misconfigurations?: Misconfiguration[];
  }[];
}

/** The machine's trivy, or the one that `make trivy` built. */
export function trivyBinary(): string | undefined {
  const places = [localPath("bin"), ...(process.env["PATH"] ?? "").split(path.delimiter)];
  return places.map((place) => path.join(place, "trivy")).find((file) => existsSync(file));
}

/** Runs trivy on a stack in HCL, with the rules that are built into it. */
export async function runTrivy(trivy: string, stack: string, folder: string): Promise<Verdict> {
  const offline = ["--skip-check-update", "--skip-version-check", "--disable-telemetry"];
  const { stdout, output } = await runCommand(trivy, ["config", ...offline, "--format", "json", folder]);
  if (/Error parsing/.test(output)) throw new Error(output);
  const { Results = [] } = JSON.parse(stdout) as TrivyReport;
  const findings = Results.flatMap(({ Misconfigurations = [] }) => Misconfigurations).map(({ ID, CauseMetadata }) => ({
    stack,
    rule: ID,
    resource: withoutHash(CauseMetadata.Resource ?? ""),
  }));
  const passed = Results.reduce((sum, { MisconfSummary }) => sum + (MisconfSummary?.Successes ?? 0), 0);
  return { passed, findings };
}
