import type { Construct, IConstruct } from "constructs";
import { Fn, Token } from "cdktf";
import { checkList } from "../common/checks";
import {
  type ArchivePolicy,
  type ArchivePolicyProps,
  checkPolicies,
  DataModel,
  dataModelOf,
  nameOf,
  policyReaches,
  type PolicyReach,
} from "../common/data-model";
import { readJobContract } from "../common/job-contract";
import { ValidationError } from "../common/validation-error";
import type { IMetadataDatabase } from "../database/metadata-database";
import { checkNumber } from "./glue-arguments";

/** Characters that stand between the parts of an argument. */
const SEPARATORS = /[.,=+`]/;

/** Tells a job that nothing grows old. */
const NO_POLICY = "none";

/** The age of a job, and the prop that gives it. */
interface JobAge {
  /** The prop's name. */
  readonly prop: string;
  /**
   * Days.
   * @default - the policies have ages of their own
   */
  readonly days?: number;
}

/** The policies of a job. */
export function policiesOf({ dataModel, policies }: ArchivePolicyProps): readonly ArchivePolicy[] {
  return policies ?? (dataModel ?? DataModel.xray()).defaultPolicies;
}

/** The fixed arguments that tell a job its policies, and the age below which no run can go. */
export function policyArguments(scope: Construct, props: ArchivePolicyProps, age?: JobAge): Record<string, string> {
  const model = dataModelOf(scope, props);
  const reaches = checkPolicies(scope, model, props.policies, props.keptTables);
  for (const { policy, tables } of reaches) {
    const name = [...tables, policy.timeColumn].find((one) => SEPARATORS.test(one));
    if (name !== undefined) {
      throw new ValidationError(
        scope,
        `policy ${nameOf(policy)}: the job cannot be told ${JSON.stringify(name)}, as its argument takes no . , = + or \` in a name`,
      );
    }
  }
  if (age !== undefined) checkAges(scope, props, age);
  const least = age && leastAge(props, age.days);
  return {
    ...(least !== undefined && { least_age_days: String(least) }),
    ...((props.policies !== undefined || !model.isXray) && { policies: reaches.map(textOf).join(",") || NO_POLICY }),
  };
}

function checkAges(scope: Construct, props: ArchivePolicyProps, { prop, days }: JobAge): void {
  const limits = readJobContract("purge").arguments.older_than_days;
  checkNumber(scope, prop, days, limits);
  const policies = policiesOf(props);
  if (policies.length === 0 && days !== undefined) {
    throw new ValidationError(scope, `${prop} goes with policies, got none: name the tables and their time columns`);
  }
  for (const policy of policies) {
    const { olderThanDays: own } = policy;
    checkNumber(scope, `olderThanDays of policy ${nameOf(policy)}`, own, limits);
    if (own === undefined && days === undefined && props.policies !== undefined) {
      throw new ValidationError(
        scope,
        `policy ${nameOf(policy)} needs olderThanDays, or the job ${prop}: nothing says how old a row must be`,
      );
    }
    if (isKnown(own) && isKnown(days) && own < days) {
      throw new ValidationError(
        scope,
        `olderThanDays of policy ${nameOf(policy)} must be at least ${prop} (${days}), which no row goes below, got ${own}`,
      );
    }
  }
}

/** The least age of a job's policies, where it is known. */
export function leastAge(props: ArchivePolicyProps, days: number | undefined): number | undefined {
  const policies: unknown = policiesOf(props);
  // Told as wrong by the check, which needs the construct.
  if (!Array.isArray(policies)) return days;
  const ages = (policies as ArchivePolicy[]).flatMap(({ olderThanDays }) => olderThanDays ?? []);
  if (days !== undefined || ages.length < 2) return days ?? ages[0];
  return ages.every(isKnown) ? Math.min(...ages) : Token.asNumber(Fn.min(ages));
}

/** The fixed arguments that narrow a backup. */
export function tableArguments(
  scope: Construct,
  props: ArchivePolicyProps & { readonly tables?: readonly string[]; readonly excludeTables?: readonly string[] },
  archives: boolean,
): Record<string, string> {
  const { dataModel, tables, excludeTables } = props;
  for (const [prop, names] of Object.entries({ tables, excludeTables })) {
    checkList(scope, prop, names);
    if (names?.length === 0 || names?.some((name) => typeof name !== "string" || !/^[^!@,][^,]*$/.test(name))) {
      throw new ValidationError(
        scope,
        `${prop} must be one or more names of tables, without a comma in them or ! or @ before them, got ${JSON.stringify(names)}`,
      );
    }
  }
  if (tables !== undefined && excludeTables !== undefined) {
    throw new ValidationError(scope, "tables and excludeTables do not go together: leave one out");
  }
  const unknown = tables?.find((name) => dataModel !== undefined && dataModel.table(name) === undefined);
  if (unknown !== undefined) {
    throw new ValidationError(scope, `tables: the data model has no table ${JSON.stringify(unknown)}`);
  }
  const archived = archives ? policyReaches(dataModel ?? DataModel.xray(), policiesOf(props)) : [];
  for (const { policy, tables: reached } of archived) {
    const missing = reached.find((name) => excludeTables?.includes(name) ?? tables?.includes(name) === false);
    if (missing !== undefined) {
      throw new ValidationError(
        scope,
        `policy ${nameOf(policy)} reaches table ${missing}, which the backup leaves out: a purge would find no copy of its rows`,
      );
    }
  }
  const argument = tables ?? excludeTables?.map((name) => `!${name}`);
  return argument === undefined ? {} : { tables: argument.join(",") };
}

/** As the job takes it: with each table that goes with the anchor, so that no later foreign key adds another. */
function textOf({ policy, tables }: PolicyReach): string {
  const [, ...descendants] = tables;
  const age = policy.olderThanDays === undefined ? "" : `=${policy.olderThanDays}`;
  return `${nameOf(policy)}${descendants.map((name) => `+${name}`).join("")}${age}`;
}

function isKnown(days: number | undefined): days is number {
  return days !== undefined && !Token.isUnresolved(days);
}

/** Days after which the jobs of one database archive and purge by one policy. */
interface Ages {
  /**
   * The least age of what goes into an archive.
   * @default - nothing is archived, as far as is known
   */
  archive?: number;
  /**
   * The least age of what is purged.
   * @default - nothing is purged, as far as is known
   */
  purge?: number;
}

const agesOfDatabase = new WeakMap<IMetadataDatabase, Map<string, Ages>>();

/** Throws where a purge would look for rows that are too young to be in an archive; the later job is told. */
export function checkArchiveAge(
  scope: IConstruct,
  database: IMetadataDatabase,
  policies: readonly ArchivePolicy[],
  added: Ages,
): void {
  const byPolicy = agesOfDatabase.get(database) ?? new Map<string, Ages>();
  agesOfDatabase.set(database, byPolicy);
  const known = (days = NaN): number[] => (Number.isNaN(days) || Token.isUnresolved(days) ? [] : [days]);
  for (const policy of policies) {
    const before = byPolicy.get(nameOf(policy)) ?? {};
    const own = policy.olderThanDays;
    const least = (job: keyof Ages): number =>
      Math.min(...known(before[job]), ...known(job in added ? (own ?? added[job]) : undefined));
    const [archive, purge] = [least("archive"), least("purge")];
    if (Number.isFinite(archive) && purge < archive) {
      throw new ValidationError(
        scope,
        `olderThanDays of a purge must be at least archiveOlderThanDays of the backup (${archive}), got ${purge}: ` +
          `younger rows of ${policy.anchorTable} are in no archive, and are not purged`,
      );
    }
    byPolicy.set(nameOf(policy), {
      ...(Number.isFinite(archive) && { archive }),
      ...(Number.isFinite(purge) && { purge }),
    });
  }
}
