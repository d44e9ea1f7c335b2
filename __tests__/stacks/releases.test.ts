import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { compare } from "semver";
import { environments } from "../../src/stacks/environments";
import { synthesizeApp } from "../support/synth";
import { addEnvironment } from "./support";

const kept = path.join(__dirname, "..", "releases");

/** Resources that an update destroys, by their address, and the reason; none holds data. */
const GONE: [RegExp, string][] = [
  [/^aws_cloudwatch_event_rule\.Alarms_BackupSucceeded_/, "the alarm watches what a job writes"],
  [/^aws_s3_object\.(Backup|Purge|Restore)_CaBundle_/, "the job package holds the authorities"],
  [/^mysql_grant\.Schema_xray_purge_Grant-image_/, "the purge reads no table that it does not purge"],
];

/** Statements that an update replaces: procedures, which are dropped and made again. */
const REPLACED = /^mysql_sql\.Schema_Apply_/;

const stacks = synthesizeApp((app) => environments({}).forEach((one) => addEnvironment(app, one)));

interface Synthesized {
  readonly resource: Record<string, Record<string, { create_sql?: string }>>;
  readonly moved?: { from: string; to: string }[];
}

describe.each(readdirSync(kept).sort(compare))("release %s", (version) => {
  const addresses = JSON.parse(readFileSync(path.join(kept, version, "addresses.json"), "utf8")) as Record<
    string,
    string[]
  >;

  it.each(Object.keys(addresses))("%s has its addresses still, or says where they moved to", (name) => {
    const { resource, moved = [] } = JSON.parse(stacks[name]?.text ?? "{}") as Synthesized;
    const block = (address: string): { create_sql?: string } | undefined => {
      const now = moved.find(({ from }) => from === address)?.to ?? address;
      const [type = "", id = ""] = now.split(".");
      return resource[type]?.[id];
    };
    const missing: string[] = [];
    const replaced: string[] = [];
    for (const line of addresses[name] ?? []) {
      const [address = "", digest] = line.split(" ");
      const now = block(address);
      if (now === undefined) missing.push(address);
      else if (digest !== undefined && digest !== sha256(now.create_sql ?? "")) replaced.push(address);
    }
    expect(addresses[name]?.length).toBeGreaterThan(20);
    expect(missing.filter((address) => !GONE.some(([pattern]) => pattern.test(address)))).toEqual([]);
    // A statement that differs is run again, by a database that has run it already.
    expect(replaced.filter((address) => !REPLACED.test(address))).toEqual([]);
  });
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
