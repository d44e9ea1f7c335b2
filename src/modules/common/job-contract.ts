import * as fs from "node:fs";
import { assetPath } from "./assets";
import { DataModel, X_RAY_POLICY } from "./data-model";

/** The Glue jobs of this package. */
export type JobName = "backup" | "purge" | "restore" | "erase";

/** An argument of a job. */
export interface JobArgument {
  /**
   * The values of a choice.
   * @default - any that the type allows
   */
  readonly choices?: string[];
  /**
   * The value that counts where none is given.
   * @default - none
   */
  readonly default?: string | number | null;
  /**
   * Fixed by the construct: no run can set it.
   * @default false
   */
  readonly fixed?: boolean;
  /**
   * The largest value of a number.
   * @default - it is no number
   */
  readonly maximum?: number;
  /**
   * The smallest value of a number.
   * @default - it is no number
   */
  readonly minimum?: number;
  /** The kind of value, such as `integer`. */
  readonly type: string;
}

/** A job: its entry point and its arguments, named as Glue passes them but without hyphens before the name. */
export interface JobContract {
  /** The entry point's file name. */
  readonly script: string;
  /** The arguments by name. */
  readonly arguments: Record<string, JobArgument>;
}

/** The keys of a store's folders in a bucket, without a slash at the end. */
export type StoreFolders = Record<
  "root" | "snapshot" | "archive" | "catalog" | "manifests" | "purges" | "locks" | "restores" | "erasures" | "checks",
  string
>;

/** The event that a backup job prints once it committed a snapshot with rows, and the names of its fields. */
export type ProvedSnapshotEvent = Record<"event" | "rows" | "bytes" | "provedAt", string>;

/** The file. */
interface Contract {
  /** The store's folders, each by its own name. */
  readonly store: StoreFolders;
  /** The event of a proved snapshot. */
  readonly provedSnapshot: ProvedSnapshotEvent;
  /** The arguments that every job takes. */
  readonly everyJob: Record<string, JobArgument>;
  /** Each job's script, its own arguments, and its own defaults for the common ones. */
  readonly jobs: Record<JobName, JobContract>;
  /** Glue's arguments; an asterisk at the end stands for any ending. */
  readonly glueArguments: string[];
}

function readContract(): Contract {
  return JSON.parse(fs.readFileSync(assetPath("job_contract.json"), "utf8")) as Contract;
}

/** Arguments of a job's entry point; the Python package reads the same file. */
export function readJobContract(job: JobName): JobContract {
  const { everyJob, jobs } = readContract();
  const { script, arguments: own } = jobs[job];
  const merged: Record<string, JobArgument> = { ...everyJob };
  for (const [name, argument] of Object.entries(own)) {
    merged[withTableName(name)] = { ...everyJob[name], ...argument };
  }
  return { script, arguments: merged };
}

/** Tells whether an argument, without hyphens before its name, is one that Glue itself knows or adds. */
export function isGlueArgument(name: string): boolean {
  return readContract().glueArguments.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/** The event of a proved snapshot, as the Python package prints it. */
export function provedSnapshotEvent(): ProvedSnapshotEvent {
  return readContract().provedSnapshot;
}

/** The folders of the store that lies below a bucket's backup prefix. */
export function storeFolders(backupPrefix: string): StoreFolders {
  const { root, ...folders } = readContract().store;
  const keys = Object.entries(folders).map(([name, folder]) => [name, `${backupPrefix}/${root}/${folder}`]);
  return { root: `${backupPrefix}/${root}`, ...Object.fromEntries(keys) } as StoreFolders;
}

/** Two arguments of a restore carry a table's name: the one whose rows have a time, and its parent. */
function withTableName(name: string): string {
  if (!name.startsWith("{")) return name;
  const { anchorTable } = X_RAY_POLICY;
  const parent = DataModel.xray().table(anchorTable)?.foreignKeys?.[0]?.table ?? "";
  return name.replace("{anchor}", anchorTable).replace("{parent}", parent);
}
