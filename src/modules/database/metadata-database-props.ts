import type { IConstruct } from "constructs";
import { Fn, Op, Token } from "cdktf";
import type { AwsConstructProps } from "../common/aws-provider";
import { checkCidr, checkInteger, checkList, checkOneOf, checkPattern } from "../common/checks";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { IDataLakeNetwork } from "../network/data-lake-network";
import { checkDatabaseName, checkMasterUserName } from "./names";
import { ValidationError } from "../common/validation-error";
import { checkEngineVersion, DEFAULT_ENGINE_VERSION } from "./engine-version";
import { type AuditLogOptions, checkAuditLog } from "./audit-log";
import { checkLogRetention } from "../common/log-group";

/** A server's name and port. */
export interface ClientEndpoint {
  /** A host name or an IPv4 address. */
  readonly host: string;
  /** The TCP port. */
  readonly port: number;
}

/** A parameter of MySQL, as RDS names and writes it. */
export interface DatabaseParameter {
  /** For example `max_connections`. */
  readonly name: string;
  /** For example `200`. */
  readonly value: string;
  /**
   * Time at which it takes effect: `immediate`, or `pending-reboot` as RDS asks for with a static one.
   * @default "immediate"
   */
  readonly applyMethod?: "immediate" | "pending-reboot";
}

/** Properties of {@link MetadataDatabase}. */
export interface MetadataDatabaseProps extends AwsConstructProps {
  /** Network of the instance. */
  readonly network: IDataLakeNetwork;
  /**
   * IPv4 networks that may connect; `0.0.0.0/0` warns at synth.
   * @default - none, only what `allowConnectionsFrom` names
   */
  readonly allowedCidrs?: string[];
  /**
   * GiB at the start, 20 to 59,578. Storage can grow, never shrink.
   * @default 20
   */
  readonly allocatedStorageGib?: number;
  /**
   * Allows `engineVersion` to name another major version than the instance has. The upgrade then runs at the apply, with all
   * else that is changed, and not in the maintenance window.
   * @default false
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.MySQL.Major.html
   */
  readonly allowMajorVersionUpgrade?: boolean;
  /**
   * Writes an audit log and sends it to CloudWatch; its settings, `{}` for the defaults. RDS has it for MySQL 8.4, and for 8.0
   * from 8.0.28 on. To turn it off again, also give the instance the option group `default:mysql-8-4` or `default:mysql-8-0`.
   * @default - none
   */
  readonly auditLog?: AuditLogOptions;
  /**
   * Lets RDS take newer minor versions in the maintenance window.
   * @default - true if `engineVersion` has two numbers, false if it has three
   */
  readonly autoMinorVersionUpgrade?: boolean;
  /**
   * Days for which the database can be restored to any second, 7 to 35.
   * @default 7
   */
  readonly backupRetentionDays?: number;
  /**
   * Endpoint for clients in place of the instance's own: an RDS Proxy, a tunnel. Secrets and the JDBC URL name it.
   * @default - the instance's own endpoint
   */
  readonly clientEndpoint?: ClientEndpoint;
  /**
   * The schema that secrets and the JDBC URL name. The schema's migrations create it, RDS does not.
   * @default "x_ray"
   */
  readonly databaseName?: string;
  /**
   * Deletes the automated backups on destroy.
   * @default false
   */
  readonly deleteAutomatedBackups?: boolean;
  /**
   * Makes RDS refuse to delete the instance.
   * @default true
   */
  readonly deletionProtection?: boolean;
  /**
   * The KMS key for storage, secrets, logs and Performance Insights; it cannot be changed later.
   * @default - the account's keys `aws/rds` and `aws/secretsmanager`
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * RDS for MySQL's version: `8.0`, `8.4` or `9.<number>`, which RDS keeps new, or with a third number, which it keeps.
   * @default "8.4"
   */
  readonly engineVersion?: string;
  /**
   * The class, for example `db.m7g.large`. Performance Insights is on if the class supports it.
   * @default "db.t4g.medium"
   * @see https://aws.amazon.com/rds/instance-types/
   */
  readonly instanceClass?: string;
  /**
   * The instance's name: up to 63 letters, digits and single hyphens, a letter first.
   * @default - the construct's path
   */
  readonly instanceIdentifier?: string;
  /**
   * Days that log files without statements (errors, refused IAM log-ins, an audit log of log-ins) are kept in CloudWatch; one of the numbers that CloudWatch Logs knows.
   * @default 400
   */
  readonly logRetentionDays?: number;
  /**
   * Days that log files with statements are kept in CloudWatch: the slow log, and an audit log of more than log-ins. A statement
   * may hold the name of an image, and with it that of a patient.
   * @default 14
   */
  readonly statementLogRetentionDays?: number;
  /**
   * The master user's name; it cannot be changed on an instance that is there.
   * @default "admin"
   */
  readonly masterUsername?: string;
  /**
   * GiB that storage may grow to by itself, 65,536 at most; a tenth more than `allocatedStorageGib` at least.
   * @default - five times `allocatedStorageGib`, 65,536 at most
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PIOPS.Autoscaling.html
   */
  readonly maxAllocatedStorageGib?: number;
  /**
   * Keeps a copy in a second zone, which takes over within about a minute.
   * @default false
   */
  readonly multiAz?: boolean;
  /**
   * Parameters besides those that the construct sets, or in place of its own; not `require_secure_transport`, since all
   * clients log in over TLS. A static one needs the apply method `pending-reboot`.
   * @default - none
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Parameters.html
   */
  readonly parameters?: DatabaseParameter[];
  /**
   * Makes Terraform refuse to destroy the instance.
   * @default true
   */
  readonly preventDestroy?: boolean;
  /**
   * Gives the instance a public address; needs a network with public subnets and warns at synth.
   * @default false
   */
  readonly publiclyAccessible?: boolean;
  /**
   * Skips the last snapshot on destroy, and deletes secrets at once.
   * @default false
   */
  readonly skipFinalSnapshot?: boolean;
  /**
   * Encrypts storage, snapshots and automated backups. `false` is only for an instance that was made without, and warns
   * at synth. RDS cannot encrypt in place: with `true` Terraform would replace the instance.
   * @default true
   * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.html
   */
  readonly storageEncrypted?: boolean;
  /**
   * A DB subnet group that is already there, for an instance that is in it: RDS moves none to another group of the same VPC.
   * @default - one is made of the network's subnets
   */
  readonly subnetGroupName?: string;
}

/** Used where `instanceClass` is left out. */
export const DEFAULT_INSTANCE_CLASS = "db.t4g.medium";
/** GiB, used where `allocatedStorageGib` is left out: the least that gp3 can have for MySQL. */
export const DEFAULT_ALLOCATED_STORAGE_GIB = 20;

const MAX_STORAGE_GIB = 65_536;

/** GiB that storage may grow to where nothing is said. */
export function defaultMaxAllocatedStorageGib(allocatedStorageGib: number): number {
  if (!Token.isUnresolved(allocatedStorageGib)) return Math.min(5 * allocatedStorageGib, MAX_STORAGE_GIB);
  return Token.asNumber(Fn.min([Op.mul(5, allocatedStorageGib), MAX_STORAGE_GIB]));
}

/** https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.Engines.html */
export function hasPerformanceInsights(instanceClass: string): boolean {
  return Token.isUnresolved(instanceClass) || !/^db\.t[234]g?\.(micro|small)$/.test(instanceClass);
}

/** Throws where a prop cannot work, before Terraform runs. */
export function checkMetadataDatabaseProps(scope: IConstruct, props: MetadataDatabaseProps, identifier: string): void {
  const { allocatedStorageGib = DEFAULT_ALLOCATED_STORAGE_GIB } = props;
  // So much that storage can still grow by the tenth that RDS asks for.
  checkInteger(scope, "allocatedStorageGib", allocatedStorageGib, 20, Math.floor(MAX_STORAGE_GIB / 1.1));
  checkInteger(
    scope,
    "maxAllocatedStorageGib",
    props.maxAllocatedStorageGib,
    Token.isUnresolved(allocatedStorageGib) ? 22 : Math.ceil((allocatedStorageGib * 11) / 10),
    MAX_STORAGE_GIB,
  );
  checkInteger(scope, "backupRetentionDays", props.backupRetentionDays, 7, 35);
  checkLogRetention(scope, props.logRetentionDays);
  checkLogRetention(scope, props.statementLogRetentionDays, "statementLogRetentionDays");
  checkEngineVersion(scope, props.engineVersion, props.autoMinorVersionUpgrade);
  checkAuditLog(scope, props.engineVersion ?? DEFAULT_ENGINE_VERSION, props.auditLog);
  checkParameters(scope, props.parameters);
  checkPattern(
    scope,
    "instanceClass",
    props.instanceClass,
    /^db\.[a-z][a-z0-9-]*\.[a-z0-9]+$/,
    "an RDS instance class such as db.t4g.medium",
  );
  checkPattern(
    scope,
    "instanceIdentifier",
    identifier,
    /^(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    "up to 63 lower-case letters, digits and single hyphens that start with a letter",
  );
  checkMasterUserName(scope, props.masterUsername);
  checkPattern(
    scope,
    "subnetGroupName",
    props.subnetGroupName,
    /^[A-Za-z0-9 ._-]{1,255}$/,
    "1 to 255 letters, digits, blanks, dots, hyphens and underscores",
  );
  checkDatabaseName(scope, props.databaseName);
  checkPattern(
    scope,
    "clientEndpoint.host",
    props.clientEndpoint?.host,
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$/,
    "a host name or an IPv4 address",
  );
  checkInteger(scope, "clientEndpoint.port", props.clientEndpoint?.port, 1, 65_535);
  checkList(scope, "allowedCidrs", props.allowedCidrs);
  for (const cidr of props.allowedCidrs ?? []) {
    if (Token.isUnresolved(cidr)) {
      throw new ValidationError(scope, "allowedCidrs must be known at synth: each network names its rule, got a token");
    }
    checkCidr(scope, "allowedCidrs", cidr, 0, 32);
  }
}

function checkParameters(scope: IConstruct, parameters: DatabaseParameter[] = []): void {
  checkList(scope, "parameters", parameters);
  const names = parameters.map(({ name }) => name);
  for (const { name, value, applyMethod } of parameters) {
    checkPattern(
      scope,
      "parameters name",
      name,
      /^[a-z][a-z0-9_.-]{0,254}$/,
      "a parameter's name such as max_connections",
    );
    if (typeof (value as unknown) !== "string") {
      throw new ValidationError(
        scope,
        `parameters ${name} must have a text as its value, got ${JSON.stringify(value)}`,
      );
    }
    checkOneOf(scope, `parameters ${name} applyMethod`, applyMethod, ["immediate", "pending-reboot"]);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ValidationError(scope, `parameters must name each once, got ${twice} twice`);
  if (names.includes("require_secure_transport")) {
    throw new ValidationError(scope, "parameters must not name require_secure_transport: all clients log in over TLS");
  }
}
