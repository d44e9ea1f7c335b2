import type { Construct, IConstruct } from "constructs";
import { Annotations, Token } from "cdktf";
import { DbOptionGroup } from "@cdktf/provider-aws/lib/db-option-group";
import { checkList, checkOneOf } from "../common/checks";
import { keepNames } from "../common/kept-name";
import { ValidationError } from "../common/validation-error";
import { majorEngineVersion } from "./engine-version";

/** Events of the audit log, as RDS names them. */
export const AuditEvent = {
  /** Log-ins, refused ones too, and their ends. */
  CONNECT: "CONNECT",
  /** Statements that define: CREATE, ALTER, DROP. */
  QUERY_DDL: "QUERY_DDL",
  /** Statements that grant and revoke. */
  QUERY_DCL: "QUERY_DCL",
  /** Statements that change rows, with the values in them. */
  QUERY_DML_NO_SELECT: "QUERY_DML_NO_SELECT",
  /** Statements that read or change rows, with the values in them. */
  QUERY_DML: "QUERY_DML",
  /** All statements, with the values in them. */
  QUERY: "QUERY",
} as const;
/** One of {@link AuditEvent}. */
export type AuditEvent = (typeof AuditEvent)[keyof typeof AuditEvent];

/** Settings of a database's audit log. */
export interface AuditLogOptions {
  /**
   * Kinds of events. A kind other than `CONNECT` writes statements down; `QUERY`, `QUERY_DML` and `QUERY_DML_NO_SELECT` write the
   * rows' values, names of images among them, and warn at synth.
   * @default - `CONNECT`: who logged in, from where, and who was refused
   */
  readonly events?: AuditEvent[];
}

const DEFAULT_EVENTS: AuditEvent[] = [AuditEvent.CONNECT];
const WITH_VALUES: readonly AuditEvent[] = [AuditEvent.QUERY, AuditEvent.QUERY_DML, AuditEvent.QUERY_DML_NO_SELECT];

/** True where the log holds statements, which may hold names and passwords. */
export function holdsStatements({ events = DEFAULT_EVENTS }: AuditLogOptions): boolean {
  return events.some((event) => event !== AuditEvent.CONNECT);
}

/** Throws unless RDS has the plugin for the version, and the events are known. */
export function checkAuditLog(scope: IConstruct, engineVersion: string, auditLog: AuditLogOptions | undefined): void {
  if (auditLog === undefined) return;
  checkList(scope, "auditLog.events", auditLog.events);
  if (auditLog.events?.length === 0) {
    throw new ValidationError(scope, "auditLog.events must name an event, got none: leave auditLog out");
  }
  for (const event of auditLog.events ?? []) checkOneOf(scope, "auditLog.events", event, Object.values(AuditEvent));
  if (Token.isUnresolved(engineVersion)) return;
  const [, minor = "", patch] = /^8\.([04])(?:\.(\d+))?$/.exec(engineVersion) ?? [];
  if (minor === "4" || (minor === "0" && Number(patch ?? 28) >= 28)) return;
  throw new ValidationError(
    scope,
    `auditLog needs engineVersion 8.4, or 8.0 from 8.0.28 on, got "${engineVersion}": RDS has no audit plugin for it`,
  );
}

/**
 * The option group that turns the audit log on. RDS's own user is left out, which asks the server for its health each second;
 * its log-ins are written down nevertheless.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Options.AuditPlugin.html
 */
export function addAuditOptionGroup(
  scope: Construct,
  props: {
    readonly name: string;
    readonly engineVersion: string;
    readonly auditLog: AuditLogOptions;
    readonly preventDestroy: boolean;
  },
): DbOptionGroup {
  const { events = DEFAULT_EVENTS } = props.auditLog;
  const values = events.filter((event) => WITH_VALUES.includes(event));
  if (values.length > 0) {
    Annotations.of(scope).addWarning(
      `auditLog.events ${values.join(", ")}: the log holds the values of rows, names of images among them`,
    );
  }
  const group = new DbOptionGroup(scope, "OptionGroup", {
    namePrefix: `${props.name}-`,
    engineName: "mysql",
    majorEngineVersion: majorEngineVersion(props.engineVersion),
    optionGroupDescription: "Audit log",
    option: [
      {
        optionName: "MARIADB_AUDIT_PLUGIN",
        optionSettings: [
          { name: "SERVER_AUDIT_EVENTS", value: events.join(",") },
          { name: "SERVER_AUDIT_EXCL_USERS", value: "rdsadmin" },
        ],
      },
    ],
    // RDS refuses to delete a group that a snapshot is of, and an instance to lose its group.
    skipDestroy: props.preventDestroy,
    lifecycle: { createBeforeDestroy: true },
  });
  keepNames(group, "name_prefix");
  return group;
}
