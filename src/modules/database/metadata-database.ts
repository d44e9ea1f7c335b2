import { Construct } from "constructs";
import { Annotations, Fn, Lazy, TerraformStack, Token } from "cdktf";
import { CloudwatchLogGroup } from "@cdktf/provider-aws/lib/cloudwatch-log-group";
import type { DbInstanceConfig } from "@cdktf/provider-aws/lib/db-instance";
import { DbInstance } from "@cdktf/provider-aws/lib/db-instance";
import type { DbOptionGroup } from "@cdktf/provider-aws/lib/db-option-group";
import { DbParameterGroup } from "@cdktf/provider-aws/lib/db-parameter-group";
import { DbSubnetGroup } from "@cdktf/provider-aws/lib/db-subnet-group";
import type { InternetGateway } from "@cdktf/provider-aws/lib/internet-gateway";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import { checkConstructProps } from "../common/construct-props";
import { checkRdsAuthority, applyAwsProps } from "../common/aws-provider";
import { checkInteger, isPrivateNetwork } from "../common/checks";
import { warnDeprecated } from "../common/deprecated";
import type { IDatabaseSecret } from "./database-secret";
import { DatabaseSecret } from "./database-secret";
import { addAuditOptionGroup, holdsStatements } from "./audit-log";
import { DEFAULT_ENGINE_VERSION, hasTwoNumbers, parameterGroupFamily } from "./engine-version";
import type { IGrantee } from "../common/grantee";
import { addIngressRule } from "../network/ingress-rule";
import { DEFAULT_LOG_RETENTION_DAYS } from "../common/log-group";
import type { ClientEndpoint, DatabaseParameter, MetadataDatabaseProps } from "./metadata-database-props";
import {
  checkMetadataDatabaseProps,
  DEFAULT_ALLOCATED_STORAGE_GIB,
  DEFAULT_INSTANCE_CLASS,
  defaultMaxAllocatedStorageGib,
  hasPerformanceInsights,
} from "./metadata-database-props";
import { checkUserName } from "./names";
import { terraformLiteral } from "../common/expression";
import { keepNames } from "../common/kept-name";
import { physicalName, securityGroupName } from "../common/physical-name";
import { TerraformData } from "../common/terraform-data";
import { rdsMonitoringRole } from "./rds-monitoring-role";
import { ValidationError } from "../common/validation-error";

/** Options of {@link IMetadataDatabase.addUser}. */
export interface DatabaseUserOptions {
  /**
   * Number of the password, 1 to 1,000,000; a higher one makes a new password.
   * @default 1
   */
  readonly passwordVersion?: number;
}

/** A database, as the jobs that connect to it see it. */
export interface IMetadataDatabase {
  /** The server's name. */
  readonly endpoint: string;
  /** The server's port. */
  readonly port: number;
  /** `jdbc:mysql://…` with server, port and schema, without user and password. */
  readonly jdbcUrl: string;
  /** The security group that the instance is in. */
  readonly securityGroupId: string;
  /**
   * Days for which RDS keeps automated backups.
   * @default - unknown
   */
  readonly backupRetentionDays?: number;
  /**
   * Opens the database's port to a security group.
   * @param caller the construct that connects, which has the rule where it is of another stack; left out, the stack of the
   * security group has it
   */
  allowConnectionsFrom(securityGroupId: string, description: string, caller?: Construct): void;
  /** Makes the secret of a database user. A job adds the user that it logs in as; adding a user again changes nothing. */
  addUser(username: string, options?: DatabaseUserOptions): IDatabaseSecret;
  /** The secret of a user that was added. */
  userSecret(username: string): IDatabaseSecret;
  /**
   * Makes the secret of a database user, or reads it.
   * @deprecated use `addUser` to make it and `userSecret` to read it; 0.3.0 removes it
   */
  secretForUser(username: string, passwordVersion?: number): IDatabaseSecret;
}

const PORT = 3306;
const LOG_EXPORTS = ["error", "slowquery", "iam-db-auth-error"];
/** Long enough to look into last week's slowness. */
const DEFAULT_STATEMENT_LOG_RETENTION_DAYS = 14;
const PARAMETERS: DatabaseParameter[] = [
  { name: "require_secure_transport", value: "1" },
  { name: "slow_query_log", value: "1" },
  { name: "long_query_time", value: "2" },
  { name: "log_output", value: "FILE" },
];
const MONITORING_INTERVAL_SECONDS = 60;
const PERFORMANCE_INSIGHTS_DAYS = 7;

/**
 * RDS for MySQL for the metadata of the images: encrypted, private, TLS only, with a master password that RDS makes,
 * keeps in Secrets Manager and changes each week, and kept on destroy.
 *
 * @example
 * new MetadataDatabase(this, "Database", { network, encryptionKey: key, multiAz: true });
 */
export class MetadataDatabase extends Construct implements IMetadataDatabase {
  /** The generated resource, for what this construct does not model. */
  readonly resource: DbInstance;
  readonly endpoint: string;
  readonly port = PORT;
  readonly jdbcUrl: string;
  readonly securityGroupId: string;
  /** The instance's name. */
  readonly instanceIdentifier: string;
  /** The instance's class. */
  readonly instanceClass: string;
  /** GiB at the start. */
  readonly allocatedStorageGib: number;
  readonly backupRetentionDays: number;
  /** The parameter `max_connections` as the props set it; undefined where they leave RDS's own. */
  readonly maxConnectionsParameter?: string;
  /** The schema that secrets and the JDBC URL name. */
  readonly databaseName: string;
  /** The master user. */
  readonly masterUsername: string;
  /** The secret that RDS keeps the master user's password in: JSON with `username` and `password`. */
  readonly masterUserSecretArn: string;

  private readonly client: ClientEndpoint;
  private readonly securityGroup: SecurityGroup;
  private readonly secrets = new Map<string, IDatabaseSecret>();
  private readonly passwordVersions = new Map<string, number>();

  constructor(
    scope: Construct,
    id: string,
    private readonly props: MetadataDatabaseProps,
  ) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["network"], ["encryptionKey"]);
    checkRdsAuthority(this);
    this.instanceIdentifier = props.instanceIdentifier ?? physicalName(this, 63);
    this.databaseName = props.databaseName ?? "x_ray";
    this.masterUsername = props.masterUsername ?? "admin";
    checkMetadataDatabaseProps(this, props, this.instanceIdentifier);

    const name = physicalName(this, 200);
    this.instanceClass = props.instanceClass ?? DEFAULT_INSTANCE_CLASS;
    this.allocatedStorageGib = props.allocatedStorageGib ?? DEFAULT_ALLOCATED_STORAGE_GIB;
    const { instanceClass, allocatedStorageGib } = this;
    this.backupRetentionDays = props.backupRetentionDays ?? 7;
    this.maxConnectionsParameter = props.parameters?.find((given) => given.name === "max_connections")?.value;
    const engineVersion = props.engineVersion ?? DEFAULT_ENGINE_VERSION;
    this.securityGroup = new SecurityGroup(this, "SecurityGroup", {
      vpcId: props.network.vpcId,
      name: securityGroupName(this, 200),
      description: "MySQL metadata database",
    });
    keepNames(this.securityGroup, "name");
    this.securityGroupId = this.securityGroup.id;
    const forcesReplacement = {
      username: this.masterUsername,
      storageEncrypted: props.storageEncrypted ?? true,
      kmsKeyId: props.storageEncrypted === false ? undefined : props.encryptionKey?.keyArn,
    };
    this.resource = new DbInstance(this, "Resource", {
      identifier: this.instanceIdentifier,
      engine: "mysql",
      engineVersion,
      instanceClass,
      autoMinorVersionUpgrade: props.autoMinorVersionUpgrade ?? hasTwoNumbers(engineVersion),
      allowMajorVersionUpgrade: props.allowMajorVersionUpgrade,
      // RDS changes engine and parameter group together: in the maintenance window the old group would still be in use
      // when Terraform deletes it.
      applyImmediately: props.allowMajorVersionUpgrade,
      parameterGroupName: this.parameterGroup(name, engineVersion).name,
      optionGroupName: this.optionGroup(name, engineVersion)?.name,

      ...forcesReplacement,
      manageMasterUserPassword: true,
      masterUserSecretKmsKeyId: props.encryptionKey?.keyArn,
      iamDatabaseAuthenticationEnabled: true,

      storageType: "gp3",
      allocatedStorage: allocatedStorageGib,
      maxAllocatedStorage: props.maxAllocatedStorageGib ?? defaultMaxAllocatedStorageGib(allocatedStorageGib),

      port: PORT,
      multiAz: props.multiAz ?? false,
      dbSubnetGroupName: props.subnetGroupName ?? this.subnetGroup(name).name,
      vpcSecurityGroupIds: [this.securityGroupId],
      publiclyAccessible: props.publiclyAccessible ?? false,

      enabledCloudwatchLogsExports: this.logExports,
      monitoringInterval: MONITORING_INTERVAL_SECONDS,
      monitoringRoleArn: rdsMonitoringRole(this, this.securityGroup.arn).roleArn,
      ...this.performanceInsights(),

      backupRetentionPeriod: this.backupRetentionDays,
      copyTagsToSnapshot: true,
      deleteAutomatedBackups: props.deleteAutomatedBackups ?? false,
      deletionProtection: props.deletionProtection ?? true,
      skipFinalSnapshot: props.skipFinalSnapshot ?? false,
      finalSnapshotIdentifier: props.skipFinalSnapshot ? undefined : this.finalSnapshotIdentifier(forcesReplacement),
      lifecycle: { preventDestroy: props.preventDestroy ?? true },
      dependsOn: [...this.logGroups(), ...this.internetGateway()],
    });
    this.endpoint = this.resource.address;
    this.client = props.clientEndpoint ?? { host: this.endpoint, port: PORT };
    this.jdbcUrl = `jdbc:mysql://${this.client.host}:${this.client.port}/${this.databaseName}`;
    this.masterUserSecretArn = this.resource.masterUserSecret.get(0).secretArn;
    this.warn();
    this.allowCidrs(props.allowedCidrs ?? []);
  }

  allowConnectionsFrom(securityGroupId: string, description: string, caller?: Construct): void {
    addIngressRule(this, {
      caller,
      securityGroupId: this.securityGroupId,
      port: PORT,
      description,
      referencedSecurityGroupId: securityGroupId,
    });
  }

  addUser(username: string, { passwordVersion }: DatabaseUserOptions = {}): IDatabaseSecret {
    checkInteger(this, "passwordVersion", passwordVersion, 1, 1_000_000);
    if (passwordVersion !== undefined) {
      const given = this.passwordVersions.get(username) ?? passwordVersion;
      if (given !== passwordVersion) {
        throw new ValidationError(
          this,
          `user ${username} must have one passwordVersion, got ${given} and ${passwordVersion}: give it in one call of addUser`,
        );
      }
      this.passwordVersions.set(username, passwordVersion);
    }
    return this.secrets.get(username) ?? this.addSecret(username);
  }

  userSecret(username: string): IDatabaseSecret {
    const secret = this.secrets.get(username);
    if (secret) return secret;
    const added = [...this.secrets.keys()].join(", ") || "none";
    throw new ValidationError(
      this,
      `userSecret must name an added user (${added}), got "${username}": call addUser first`,
    );
  }

  /** @deprecated use `addUser` to make it and `userSecret` to read it; 0.3.0 removes it */
  secretForUser(username: string, passwordVersion?: number): IDatabaseSecret {
    warnDeprecated(this, {
      name: "secretForUser",
      use: "addUser to make the secret and userSecret to read it",
      removedIn: "0.3.0",
    });
    return this.addUser(username, { passwordVersion });
  }

  /** Lets a role or user read the secret of a user that was added. */
  grantReadSecret(grantee: IGrantee, username: string): void {
    this.userSecret(username).grantRead(grantee);
  }

  private addSecret(username: string): IDatabaseSecret {
    checkUserName(this, username);
    if (!Token.isUnresolved(this.masterUsername) && username.toLowerCase() === this.masterUsername.toLowerCase()) {
      throw new ValidationError(
        this,
        `addUser must not name the master user, got "${username}": RDS keeps its password, see masterUserSecretArn`,
      );
    }
    const secret = new DatabaseSecret(this, `${username}-secret`, {
      username,
      secretNamePrefix: `${physicalName(this, 200)}/${username}-`,
      ...this.client,
      serverId: this.props.clientEndpoint?.host ?? this.instanceIdentifier,
      databaseName: this.databaseName,
      // Read at synth: a later call of addUser may give it.
      passwordVersion: Lazy.numberValue({ produce: () => this.passwordVersions.get(username) ?? 1 }),
      recoveryWindowInDays: this.props.skipFinalSnapshot ? 0 : 30,
      encryptionKey: this.props.encryptionKey,
    });
    this.secrets.set(username, secret);
    return secret;
  }

  private subnetGroup(name: string): DbSubnetGroup {
    const { network, publiclyAccessible } = this.props;
    const subnets = publiclyAccessible ? network.publicSubnets : network.subnets;
    if (publiclyAccessible && subnets.length < 2) {
      throw new ValidationError(
        this,
        `publiclyAccessible needs a network with two public subnets, got ${subnets.length}: set publicSubnets or internetCidrs on the network`,
      );
    }
    const group = new DbSubnetGroup(this, "SubnetGroup", { name, subnetIds: subnets.map(({ id }) => id) });
    keepNames(group, "name");
    return group;
  }

  private warn(): void {
    const { publiclyAccessible, storageEncrypted } = this.props;
    if (publiclyAccessible) {
      Annotations.of(this).addWarning(
        "publiclyAccessible: the database has an address on the internet; only allowedCidrs and TLS stand before it",
      );
    }
    if (storageEncrypted === false) {
      Annotations.of(this).addWarning(
        "storageEncrypted false: disk, snapshots and automated backups can be read by whoever gets hold of them; copy a " +
          "snapshot with a key and restore it",
      );
    }
  }

  private parameterGroup(name: string, engineVersion: string): DbParameterGroup {
    const { parameters = [] } = this.props;
    const group = new DbParameterGroup(this, "ParameterGroup", {
      namePrefix: `${name}-`,
      family: parameterGroupFamily(engineVersion),
      description: "TLS only, slow log to CloudWatch",
      parameter: [
        ...PARAMETERS.filter(({ name: own }) => !parameters.some((given) => given.name === own)),
        ...parameters.map((parameter) => ({ ...parameter, value: terraformLiteral(parameter.value) })),
      ],
      // An instance refuses to lose its group: a new one must be there before the old one goes.
      lifecycle: { createBeforeDestroy: true },
    });
    keepNames(group, "name_prefix");
    return group;
  }

  private optionGroup(name: string, engineVersion: string): DbOptionGroup | undefined {
    const { auditLog, preventDestroy = true } = this.props;
    return auditLog && addAuditOptionGroup(this, { name, engineVersion, auditLog, preventDestroy });
  }

  private get logExports(): string[] {
    return this.props.auditLog ? ["audit", ...LOG_EXPORTS] : LOG_EXPORTS;
  }

  /** Days that the lines of a log are kept: fewer where they may hold a name. */
  private retentionDays(log: string): number {
    const { auditLog, logRetentionDays, statementLogRetentionDays } = this.props;
    const withStatements =
      log === "slowquery" || (log === "audit" && auditLog !== undefined && holdsStatements(auditLog));
    return withStatements
      ? (statementLogRetentionDays ?? DEFAULT_STATEMENT_LOG_RETENTION_DAYS)
      : (logRetentionDays ?? DEFAULT_LOG_RETENTION_DAYS);
  }

  private performanceInsights(): Partial<DbInstanceConfig> {
    if (!hasPerformanceInsights(this.instanceClass)) return {};
    return {
      performanceInsightsEnabled: true,
      performanceInsightsRetentionPeriod: PERFORMANCE_INSIGHTS_DAYS,
      performanceInsightsKmsKeyId: this.props.encryptionKey?.keyArn,
    };
  }

  /**
   * Name that ends with the time of the instance's creation, so that the snapshot of an earlier instance does not stop a
   * destroy half-way. A resource keeps the time: if the instance ignored changes of the name, an imported one, and one
   * made with `skipFinalSnapshot`, would never get a name.
   */
  private finalSnapshotIdentifier(forcesReplacement: Record<string, unknown>): string {
    const { output } = new TerraformData(this, "FinalSnapshot", {
      input: { created: Fn.timestamp() },
      triggersReplace: forcesReplacement,
      lifecycle: { ignoreChanges: ["input"] },
    });
    return `${this.instanceIdentifier}-final-${Fn.formatdate("YYYYMMDDhhmmss", output.lookup("created") as string)}`;
  }

  /** Made before a public instance: RDS refuses one in a VPC without a gateway. */
  private internetGateway(): InternetGateway[] {
    const { network, publiclyAccessible } = this.props;
    const { internetGateway } = network;
    const isNeeded = publiclyAccessible === true && internetGateway !== undefined;
    return isNeeded && TerraformStack.of(internetGateway) === TerraformStack.of(this) ? [internetGateway] : [];
  }

  /** Made before the instance: RDS would make them itself, unencrypted and kept for ever. */
  private logGroups(): CloudwatchLogGroup[] {
    return this.logExports.map(
      (log) =>
        new CloudwatchLogGroup(this, `${log}-log`, {
          name: `/aws/rds/instance/${this.instanceIdentifier}/${log}`,
          // With a new instanceIdentifier RDS writes to new groups; the logs of the old ones stay for their time.
          skipDestroy: this.props.preventDestroy ?? true,
          retentionInDays: this.retentionDays(log),
          kmsKeyId: this.props.encryptionKey?.keyArn,
        }),
    );
  }

  private allowCidrs(cidrs: string[]): void {
    for (const cidr of cidrs) {
      if (cidr.endsWith("/0")) {
        Annotations.of(this).addWarning(`allowedCidrs ${cidr}: everybody who reaches the network can try to log in`);
      } else if (isWidePublicNetwork(cidr)) {
        Annotations.of(this).addWarning(
          `allowedCidrs ${cidr}: wider than /24 and not private (RFC 1918); everybody in it can try to log in`,
        );
      }
      addIngressRule(this, {
        securityGroupId: this.securityGroupId,
        port: PORT,
        description: cidr,
        cidrIpv4: cidr,
      });
    }
  }
}

function isWidePublicNetwork(cidr: string): boolean {
  return !Token.isUnresolved(cidr) && Number(cidr.split("/")[1]) < 24 && !isPrivateNetwork(cidr);
}
