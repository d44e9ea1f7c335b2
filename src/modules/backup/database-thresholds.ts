import type { IConstruct } from "constructs";
import { Op, Token } from "cdktf";
import { checkInteger } from "../common/checks";
import { ValidationError } from "../common/validation-error";
import { instanceMemoryGib } from "../database/instance-memory";
import type { MetadataDatabase } from "../database/metadata-database";

/** Values of RDS's metrics at which an alarm goes off, each after 15 minutes. */
export interface DatabaseThresholds {
  /**
   * Percent of the processors, 1 to 100. Above 80 % queries wait for one another, and response times grow much faster than load.
   * @default 80
   */
  readonly cpuUtilizationPercent?: number;
  /**
   * Connections. RDS allows one for each 12 MiB of the memory that it leaves to the database, about 60 on a db.t4g.micro; the
   * jobs and the web app are refused beyond.
   * @default - 80 % of the parameter `max_connections` where the database's props set it to a number; otherwise 60 % of one for each
   * 12 MiB of the class's memory, of which RDS keeps up to a third
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
   */
  readonly databaseConnections?: number;
  /**
   * MiB of memory left. MySQL's buffer pool takes three quarters by design; under 5 % the instance begins to swap.
   * @default - 5 % of the memory of the instance class
   */
  readonly freeableMemoryMib?: number;
  /**
   * GiB of storage left. At a tenth RDS lets the storage grow by itself, so half of that means that it did not: it has reached
   * `maxAllocatedStorageGib`, or grew within the last six hours.
   * @default - 5 % of `allocatedStorageGib` of the database
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
   */
  readonly freeStorageSpaceGib?: number;
}

const MIB_PER_GIB = 1024;
const BYTES_PER_GIB = 1024 ** 3;
/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections */
const BYTES_PER_CONNECTION = 12_582_880;

/** The thresholds in the units of the metrics: the given ones, and those that follow from the instance's size. */
export function databaseThresholds(
  scope: IConstruct,
  database: MetadataDatabase,
  given: DatabaseThresholds,
): Record<"cpuPercent" | "connections" | "memoryBytes" | "storageBytes", number> {
  checkInteger(scope, "cpuUtilizationPercent", given.cpuUtilizationPercent, 1, 100);
  checkInteger(scope, "databaseConnections", given.databaseConnections, 1, 100_000);
  checkInteger(scope, "freeableMemoryMib", given.freeableMemoryMib, 1, 4096 * MIB_PER_GIB);
  checkInteger(scope, "freeStorageSpaceGib", given.freeStorageSpaceGib, 1, 65_536);
  const { allocatedStorageGib } = database;
  const memoryGib = (prop: keyof DatabaseThresholds): number => {
    const { instanceClass } = database;
    const memory = Token.isUnresolved(instanceClass) ? undefined : instanceMemoryGib(instanceClass);
    if (memory !== undefined) return memory;
    const got = Token.isUnresolved(instanceClass) ? "a token" : instanceClass;
    throw new ValidationError(scope, `${prop} must be given: the memory of instanceClass is not known, got ${got}`);
  };
  return {
    cpuPercent: given.cpuUtilizationPercent ?? 80,
    connections: given.databaseConnections ?? defaultConnections(scope, database, memoryGib),
    memoryBytes: times(
      given.freeableMemoryMib ?? Math.round(0.05 * MIB_PER_GIB * memoryGib("freeableMemoryMib")),
      BYTES_PER_GIB / MIB_PER_GIB,
    ),
    storageBytes:
      given.freeStorageSpaceGib === undefined
        ? times(allocatedStorageGib, BYTES_PER_GIB / 20)
        : times(given.freeStorageSpaceGib, BYTES_PER_GIB),
  };
}

function defaultConnections(
  scope: IConstruct,
  { maxConnectionsParameter }: MetadataDatabase,
  memoryGib: (prop: keyof DatabaseThresholds) => number,
): number {
  if (maxConnectionsParameter === undefined) {
    return Math.floor((0.6 * memoryGib("databaseConnections") * BYTES_PER_GIB) / BYTES_PER_CONNECTION);
  }
  if (/^\d+$/.test(maxConnectionsParameter)) return Math.floor(0.8 * Number(maxConnectionsParameter));
  throw new ValidationError(
    scope,
    `databaseConnections must be given: max_connections of the database is no number, got ${JSON.stringify(maxConnectionsParameter)}`,
  );
}

function times(number: number, factor: number): number {
  return Token.isUnresolved(number) ? Token.asNumber(Op.mul(number, factor)) : Math.floor(number * factor);
}
