import type { IConstruct } from "constructs";
import { Annotations } from "cdktf";
import { hasTime } from "../../schema/column-type";
import { type DataModelForeignKey, type DataModelTable, readDataModelFile } from "../../schema/data-model-file";
import { SchemaError } from "../../schema/schema-error";
import { assetPath } from "./assets";
import { checkConstruct, checkList } from "./checks";
import { ValidationError } from "./validation-error";

/**
 * The tables of a database, with their columns, keys and foreign keys.
 *
 * @example
 * const dataModel = DataModel.fromFile("data-model.json"); // written by xray-schema model
 */
export class DataModel {
  /** The model in a file that `xray-schema model` wrote; a relative path starts at the working directory. */
  static fromFile(file: string): DataModel {
    return new DataModel(readDataModelFile(file), false);
  }

  /** The tables that this package's migrations make. */
  static xray(): DataModel {
    return new DataModel(readDataModelFile(assetPath("data_model.json")), true);
  }

  private constructor(
    /** The tables, parents first as far as the foreign keys form no cycle. */
    readonly tables: readonly DataModelTable[],
    /** True for the tables of this package's migrations: they have a policy by default, and the view `detections`. */
    readonly isXray: boolean,
  ) {}

  /** The table of that name, where there is one. */
  table(name: string): DataModelTable | undefined {
    return this.tables.find((table) => table.name === name);
  }

  /** The policies of a construct that is given none: X-ray's for the X-ray model, none for another. */
  get defaultPolicies(): readonly ArchivePolicy[] {
    return this.isXray ? [X_RAY_POLICY] : [];
  }

  /**
   * The tables that a purge by these policies deletes from, parents first: each policy's anchor, and every table whose
   * foreign keys lead there.
   */
  purgedBy(policies: readonly ArchivePolicy[] = this.defaultPolicies): string[] {
    return policyReaches(this, policies).flatMap(({ tables }) => tables);
  }
}

/** Rows that grow old: those of one table by its time column, with all rows that reference them. */
export interface ArchivePolicy {
  /** The table whose rows are archived and purged by their age; the tables that reference it follow. */
  readonly anchorTable: string;
  /** The anchor's column that tells how old a row is: DATE, DATETIME or TIMESTAMP. A row without a time is kept. */
  readonly timeColumn: string;
  /**
   * Days that a row must be old, 2 to 36,500.
   * @default - the age that the job is given
   */
  readonly olderThanDays?: number;
}

/** Props of what archives or purges. */
export interface ArchivePolicyProps {
  /**
   * The tables of the database.
   * @default DataModel.xray()
   */
  readonly dataModel?: DataModel;
  /**
   * Tables that must never be purged: a policy that reaches one is refused.
   * @default - none besides those that no policy reaches
   */
  readonly keptTables?: readonly string[];
  /**
   * The rows that are archived and purged by their age.
   * @default - those of `transaction` by `time`; none with a `dataModel` of your own
   */
  readonly policies?: readonly ArchivePolicy[];
}

/** That of the X-ray model. */
export const X_RAY_POLICY: ArchivePolicy = { anchorTable: "transaction", timeColumn: "time" };

/** A policy with the tables that it reaches, parents first. */
export interface PolicyReach {
  /** The policy. */
  readonly policy: ArchivePolicy;
  /** The anchor, then its descendants. */
  readonly tables: readonly string[];
}

/**
 * The tables of each policy. Throws a SchemaError where one cannot be followed in this model, or two reach one table; the
 * job does so by the same rules, against the database.
 */
export function policyReaches(model: DataModel, policies: readonly ArchivePolicy[]): PolicyReach[] {
  const owners = new Map<string, ArchivePolicy>();
  return policies.map((policy) => {
    const tables = reachOf(model, policy);
    for (const table of tables) {
      const other = owners.get(table);
      if (other !== undefined) {
        const both = `${nameOf(other)} and ${nameOf(policy)}`;
        throw new SchemaError(`policies ${both} both reach it: rows of a table go by one policy`, `table ${table}`);
      }
      owners.set(table, policy);
    }
    return { policy, tables };
  });
}

/** The data model of a construct: the one that it is given, or that of this package. */
export function dataModelOf(scope: IConstruct, { dataModel }: Pick<ArchivePolicyProps, "dataModel">): DataModel {
  if (dataModel === undefined) return DataModel.xray();
  checkConstruct(scope, "dataModel", dataModel, "isXray", "a data model, as DataModel.fromFile(…) gives it");
  return dataModel;
}

/**
 * Throws where the policies do not fit the model, or reach a table that is kept; warns where rows may have no time.
 *
 * @returns the policies, each with its tables
 */
export function checkPolicies(
  scope: IConstruct,
  model: DataModel,
  given: readonly ArchivePolicy[] | undefined,
  keptTables: readonly string[] = [],
): PolicyReach[] {
  checkList(scope, "policies", given);
  checkList(scope, "keptTables", keptTables);
  const policies = given ?? model.defaultPolicies;
  const unknown = keptTables.find((name) => model.table(name) === undefined);
  if (unknown !== undefined) {
    throw new ValidationError(
      scope,
      `keptTables: the data model has no table "${unknown}"; it has ${tableNames(model)}`,
    );
  }
  const reaches = reachesIn(scope, model, policies);
  for (const { policy, tables } of reaches) {
    const kept = tables.find((name) => keptTables.includes(name));
    if (kept !== undefined) {
      throw new ValidationError(
        scope,
        `policy ${nameOf(policy)} reaches table ${kept}, which keptTables says must stay`,
      );
    }
    if (timeColumn(model.table(policy.anchorTable), policy)?.nullable === true) {
      Annotations.of(scope).addWarning(
        `policy ${nameOf(policy)}: the column may hold NULL, and rows without a time are never archived or purged`,
      );
    }
  }
  return reaches;
}

function reachesIn(scope: IConstruct, model: DataModel, policies: readonly ArchivePolicy[]): PolicyReach[] {
  try {
    return policyReaches(model, policies);
  } catch (error) {
    throw SchemaError.isSchemaError(error) ? new ValidationError(scope, error.message) : error;
  }
}

/** The policy without its age. */
export function nameOf({ anchorTable, timeColumn }: ArchivePolicy): string {
  return `${anchorTable}.${timeColumn}`;
}

function timeColumn(
  table: DataModelTable | undefined,
  policy: ArchivePolicy,
): DataModelTable["columns"][0] | undefined {
  return table?.columns.find(({ name }) => name === policy.timeColumn);
}

export function tableNames(model: DataModel): string {
  return model.tables.map(({ name }) => name).join(", ");
}

function reachOf(model: DataModel, policy: ArchivePolicy): string[] {
  const refuse = (message: string): never => {
    throw new SchemaError(message, `policy ${nameOf(policy)}`);
  };
  const anchor = model.table(policy.anchorTable);
  if (anchor === undefined) {
    return refuse(`the data model has no table ${JSON.stringify(policy.anchorTable)}; it has ${tableNames(model)}`);
  }
  const time = timeColumn(anchor, policy);
  if (time === undefined || !hasTime(time.type)) {
    const got = time === undefined ? "no such column" : time.type;
    refuse(`column ${policy.timeColumn} of table ${anchor.name} must be a DATE, DATETIME or TIMESTAMP, got ${got}`);
  }
  const reached = [anchor, ...model.tables.filter(({ name }) => descendants(model, anchor.name).has(name))];
  for (const table of reached) {
    const { name, key, foreignKeys = [] } = table;
    if (descendants(model, name).has(name)) {
      refuse(`the foreign keys of table ${name} lead back to it, so no order of deletes is right`);
    }
    if (key.length === 0) refuse(`table ${name} has no key, so none of its rows can be purged`);
    if (table !== anchor && !foreignKeys.some((one) => referencesKey(reached, one))) {
      refuse(`table ${name} references another column than its parent's key, by which a purge finds its rows`);
    }
  }
  return parentsFirst(reached);
}

/** The tables whose foreign keys lead to a table; the table itself where it is in a cycle. */
function descendants(model: DataModel, name: string): Set<string> {
  const found = new Set<string>();
  const follow = (parent: string): void => {
    for (const { name: child, foreignKeys = [] } of model.tables) {
      if (found.has(child) || !foreignKeys.some(({ table }) => table === parent)) continue;
      found.add(child);
      follow(child);
    }
  };
  follow(name);
  return found;
}

function referencesKey(tables: readonly DataModelTable[], { table, referencedColumns }: DataModelForeignKey): boolean {
  const key = tables.find(({ name }) => name === table)?.key;
  return key?.length === referencedColumns.length && referencedColumns.every((column) => key.includes(column));
}

function parentsFirst(tables: readonly DataModelTable[]): string[] {
  const left = new Set(tables.map(({ name }) => name));
  const ordered: string[] = [];
  while (left.size > 0) {
    const ready = tables.filter(
      ({ name, foreignKeys = [] }) => left.has(name) && !foreignKeys.some(({ table }) => left.has(table)),
    );
    for (const { name } of ready) left.delete(name);
    ordered.push(...ready.map(({ name }) => name));
  }
  return ordered;
}
