import { Construct } from "constructs";
import { AssetType, type ITerraformDependable, TerraformAsset } from "cdktf";
import { GlueJob } from "@cdktf/provider-aws/lib/glue-job";
import { GlueTrigger } from "@cdktf/provider-aws/lib/glue-trigger";
import { GlueSecurityConfiguration } from "@cdktf/provider-aws/lib/glue-security-configuration";
import { S3Object } from "@cdktf/provider-aws/lib/s3-object";
import { checkConstructProps } from "../common/construct-props";
import { assetPath } from "../common/assets";
import { type AwsConstructProps, checkRdsAuthority, applyAwsProps } from "../common/aws-provider";
import { checkInteger, checkOneOf, checkPattern } from "../common/checks";
import { warnWithoutSchemaUser } from "../database/schema-logins";
import type { IBackupBucket } from "../storage/bucket-base";
import type { IDataLakeBucket } from "../storage/data-lake-bucket";
import { GLUE_ASSETS_PREFIX } from "../storage/data-lake-bucket";
import type { IDataLakeKey } from "../common/data-lake-key";
import type { JobContract, JobName } from "../common/job-contract";
import { readJobContract } from "../common/job-contract";
import type { IDataLakeNetwork } from "../network/data-lake-network";
import { checkBucketRegion } from "./bucket-region";
import type { GlueArguments } from "./glue-arguments";
import { checkArguments } from "./glue-arguments";
import { GlueDatabaseConnection } from "./glue-database-connection";
import type { IGrantee } from "../common/grantee";
import { checkLogRetention, DEFAULT_LOG_RETENTION_DAYS } from "../common/log-group";
import { mapExpression } from "../common/expression";
import type { IMetadataDatabase } from "../database/metadata-database";
import { iamName, keepNames } from "../common/kept-name";
import { addLogGroup } from "../common/log-group";
import { pathText, physicalName } from "../common/physical-name";
import { Role } from "../common/role";

/** Dedicated or spare capacity. */
export const ExecutionClass = {
  /** Dedicated capacity: a run starts at once. */
  STANDARD: "STANDARD",
  /** Spare capacity, at about two thirds of the price: a run may wait, and lose a worker meanwhile. */
  FLEX: "FLEX",
} as const;
/** A value of {@link ExecutionClass}. */
export type ExecutionClass = (typeof ExecutionClass)[keyof typeof ExecutionClass];

/** A release of Glue, and with it of Python and Spark. */
export const GlueVersion = {
  /** Python 3.11, Spark 3.5. */
  V5_1: "5.1",
  /** Python 3.13, Spark 4.1. */
  V6_0: "6.0",
} as const;
/** A value of {@link GlueVersion}. */
export type GlueVersion = (typeof GlueVersion)[keyof typeof GlueVersion];

/** Properties of every Glue job of this package. */
export interface GlueDatabaseJobProps extends AwsConstructProps {
  /** The data lake's bucket: the job's code goes there. */
  readonly bucket: IDataLakeBucket;
  /** The database. */
  readonly database: IMetadataDatabase;
  /** Network of the job, which runs in its first private subnet. */
  readonly network: IDataLakeNetwork;
  /**
   * Arguments besides those that the construct sets, by name with two hyphens: the job's own and Glue's. They can be read
   * by everybody with `glue:GetJob`: one that looks like a secret is refused.
   * @default - none
   */
  readonly arguments?: GlueArguments;
  /**
   * The bucket of the backups.
   * @default - `bucket`
   */
  readonly backupBucket?: IBackupBucket;
  /**
   * The key for logs and bookmarks; objects are encrypted with the bucket's key.
   * @default - logs are encrypted with a key that CloudWatch manages
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * Dedicated or spare capacity.
   * @default ExecutionClass.STANDARD
   */
  readonly executionClass?: ExecutionClass;
  /**
   * The release of Glue that the job runs on.
   * @default GlueVersion.V5_1
   */
  readonly glueVersion?: GlueVersion;
  /**
   * The job's name, which its role's begins with: up to 64 letters, digits, hyphens and underscores.
   * @default - the construct's path
   */
  readonly jobName?: string;
  /**
   * Days that logs are kept; one of the numbers that CloudWatch Logs knows.
   * @default 400
   */
  readonly logRetentionDays?: number;
  /**
   * The most workers (G.1X: 4 vCPU, 16 GB) that a run may have, 2 to 100; Glue takes as many as the work needs.
   * @default 2
   */
  readonly numberOfWorkers?: number;
  /**
   * Minutes after which a run is stopped, 5 to 2,880.
   * @default 60
   */
  readonly timeoutMinutes?: number;
}

/** Differences between the kinds of jobs. */
interface JobKind {
  /** Its name in the contract. */
  readonly job: JobName;
  /** Purpose of the job. */
  readonly description: string;
  /** The database user that it logs in as. */
  readonly username: string;
  /** The entry point's own arguments. */
  readonly arguments: GlueArguments;
  /**
   * The entry point's arguments that no run can change, besides those of every job; it checks the props behind them.
   * @default - none
   */
  readonly fixed?: (job: Construct) => Record<string, string>;
}

/** A Glue job on Spark that reads or writes the metadata database, with a role that may do just that. */
export abstract class GlueDatabaseJob extends Construct {
  /** The generated resource, for what this construct does not model. */
  readonly resource: GlueJob;
  /** The job's name. */
  readonly jobName: string;
  /** The job's ARN. */
  readonly jobArn: string;
  /** The role that the job runs as. */
  readonly role: Role;
  /**
   * The log group that gets the job's standard output, line by line.
   * @see https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
   */
  readonly outputLogGroupName: string;

  constructor(scope: Construct, id: string, props: GlueDatabaseJobProps, kind: JobKind) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["bucket", "database", "network"], ["backupBucket", "encryptionKey"]);
    checkRdsAuthority(this);
    checkBucketRegion(this, props.network, "bucket", props.bucket);
    checkBucketRegion(this, props.network, "backupBucket", props.backupBucket);
    const jobName = props.jobName ?? physicalName(this, 64);
    checkPattern(this, "jobName", jobName, /^[A-Za-z0-9_-]{1,64}$/, "1 to 64 letters, digits, hyphens and underscores");
    checkInteger(this, "numberOfWorkers", props.numberOfWorkers, 2, 100);
    checkInteger(this, "timeoutMinutes", props.timeoutMinutes, 5, 2880);
    checkOneOf(this, "executionClass", props.executionClass, Object.values(ExecutionClass));
    checkOneOf(this, "glueVersion", props.glueVersion, Object.values(GlueVersion));
    checkLogRetention(this, props.logRetentionDays);

    this.role = new Role(this, "Role", {
      roleName: iamName(this, 64, jobName),
      assumedBy: { type: "Service", identifiers: ["glue.amazonaws.com"] },
      description: kind.description,
    });
    keepNames(this.role.resource, "name");
    const secret = props.database.addUser(kind.username);
    secret.grantRead(this.role);
    warnWithoutSchemaUser(this, secret, "this job");
    const connection = new GlueDatabaseConnection(this, "Connection", { ...props, secret });
    connection.grantUse(this.role);

    const { bucket, backupBucket = bucket } = props;
    const contract = readJobContract(kind.job);
    const fixed: GlueArguments = {
      "--extra-py-files": this.upload("Package", bucket, "xray_backup.zip"),
      // Glue's own proxy would lead a script to S3, CloudWatch and Glue past the endpoints and their policies:
      // https://docs.aws.amazon.com/glue/latest/dg/connection-VPC-disable-proxy.html
      ...(props.network.endpoints && { "--disable-proxy-v2": "true" }),
      ...fixedArguments(contract, {
        secret_id: secret.secretArn,
        store: storeAddress(backupBucket),
        ...kind.fixed?.(this),
      }),
    };
    const logGroupPrefix = `/aws-glue/jobs/${jobName}`;
    const securityConfiguration = this.securityConfiguration(props);
    // With an encrypted log Glue puts the names of the security configuration and of the role into the groups' names.
    const logGroupFolder = props.encryptionKey
      ? `${logGroupPrefix}/${securityConfiguration}-role/${this.role.roleName}`
      : logGroupPrefix;
    this.outputLogGroupName = `${logGroupFolder}/output`;
    const defaults: GlueArguments = {
      "--custom-logGroup-prefix": logGroupPrefix,
      "--enable-auto-scaling": "true",
      "--enable-job-insights": "true",
      "--enable-metrics": "true",
      "--enable-observability-metrics": "true",
      // The manifests record the backed-up rows; a bookmark would miss rows that commit late.
      "--job-bookmark-option": "job-bookmark-disable",
      "--job-language": "python",
      ...kind.arguments,
    };
    const own = props.arguments ?? {};
    checkArguments(this, own, { ...fixed, ...defaults }, contract);

    this.resource = new GlueJob(this, "Resource", {
      name: jobName,
      description: kind.description,
      roleArn: this.role.roleArn,
      glueVersion: props.glueVersion ?? GlueVersion.V5_1,
      command: { name: "glueetl", pythonVersion: "3", scriptLocation: this.upload("Script", bucket, contract.script) },
      connections: [connection.connectionName],
      defaultArguments: mapExpression({ ...defaults, ...own }),
      // A starter of the job cannot point it at another bucket, another secret or another package.
      nonOverridableArguments: mapExpression(fixed),
      executionClass: props.executionClass ?? ExecutionClass.STANDARD,
      executionProperty: { maxConcurrentRuns: 1 },
      maxRetries: 0,
      numberOfWorkers: props.numberOfWorkers ?? 2,
      securityConfiguration,
      timeout: props.timeoutMinutes ?? 60,
      workerType: "G.1X",
      dependsOn: this.logGroups([`${logGroupFolder}/error`, this.outputLogGroupName], jobName, props),
    });
    if (props.jobName === undefined) keepNames(this.resource, "name");
    this.jobName = this.resource.name;
    this.jobArn = this.resource.arn;
    // Glue looks up how to encrypt when the script begins; it knows no resource for it:
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsglue.html
    this.role.addToPolicy({ actions: ["glue:GetSecurityConfiguration"], resources: ["*"] });
    this.role.addToPolicy({
      actions: ["cloudwatch:PutMetricData"],
      resources: ["*"], // CloudWatch knows no resource for it, the namespace narrows it
      conditions: [{ test: "StringEquals", variable: "cloudwatch:namespace", values: ["Glue"] }],
    });
  }

  /**
   * Lets a role or user start the job with arguments of its own, follow its runs and stop them.
   *
   * **Give it to nobody who may not have the job's role:** some of Glue's arguments, as `--extra-jars`, bring code into a run,
   * which then acts with that role. The endpoints of a network of this package keep such code from other accounts; nothing
   * keeps it from the data that the role can reach.
   */
  grantStartWithArguments(grantee: IGrantee): void {
    this.grantFollow(grantee);
    grantee.addToPolicy({ actions: ["glue:GetJob", "glue:StartJobRun"], resources: [this.jobArn] });
  }

  /** Lets a role or user follow the job's runs, and stop them unless told otherwise. */
  protected grantFollow(grantee: IGrantee, canStop = true): void {
    grantee.addToPolicy({
      actions: [...(canStop ? ["glue:BatchStopJobRun"] : []), "glue:GetJobRun", "glue:GetJobRuns"],
      resources: [this.jobArn],
    });
  }

  /**
   * A trigger that starts the job when it is told to, always with the same arguments: the request has no field for others.
   *
   * @see https://docs.aws.amazon.com/glue/latest/webapi/API_StartTrigger.html
   */
  protected addOnDemandTrigger(id: string, nameEnd: string, given: GlueArguments = {}): GlueTrigger {
    return new GlueTrigger(this, id, {
      name: `${this.jobName}-${nameEnd}`,
      description: pathText(this),
      type: "ON_DEMAND",
      // Enabling is starting: with the provider's default each deploy that makes the trigger would run the job.
      enabled: false,
      actions: [
        {
          jobName: this.jobName,
          ...(Object.keys(given).length > 0 && { arguments: mapExpression(given) }),
        },
      ],
    });
  }

  /** Uploads a file of the package under its content's hash and lets the job read it: changed code is a new object. */
  private upload(id: string, bucket: IDataLakeBucket, fileName: string): string {
    const asset = new TerraformAsset(this, `${id}Asset`, { path: assetPath(fileName), type: AssetType.FILE });
    const key = `${GLUE_ASSETS_PREFIX}/${physicalName(this, 200)}/${asset.assetHash}/${fileName}`;
    new S3Object(this, id, { bucket: bucket.bucketName, key, source: asset.path, sourceHash: asset.assetHash });
    this.role.addToPolicy({ actions: ["s3:GetObject"], resources: [`${bucket.bucketArn}/${key}`] });
    bucket.encryptionKey?.grantDecrypt(this.role, "s3");
    return `s3://${bucket.bucketName}/${key}`;
  }

  private securityConfiguration({ bucket, backupBucket = bucket, encryptionKey }: GlueDatabaseJobProps): string {
    const kmsKeyArn = encryptionKey?.keyArn;
    const resource = new GlueSecurityConfiguration(this, "SecurityConfiguration", {
      name: physicalName(this, 255),
      encryptionConfiguration: {
        cloudwatchEncryption: { cloudwatchEncryptionMode: kmsKeyArn ? "SSE-KMS" : "DISABLED", kmsKeyArn },
        jobBookmarksEncryption: { jobBookmarksEncryptionMode: kmsKeyArn ? "CSE-KMS" : "DISABLED", kmsKeyArn },
        // The bucket's key, which the role may use; without one the bucket's own default encrypts, and is not overridden.
        s3Encryption: backupBucket.encryptionKey
          ? { s3EncryptionMode: "SSE-KMS", kmsKeyArn: backupBucket.encryptionKey.keyArn }
          : { s3EncryptionMode: "DISABLED" },
      },
    });
    keepNames(resource, "name");
    return resource.name;
  }

  /**
   * Made before the job: Glue would make them itself, kept for ever.
   *
   * @see https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
   */
  private logGroups(
    [error, output]: [string, string],
    ownerName: string,
    props: GlueDatabaseJobProps,
  ): ITerraformDependable[] {
    const groups = Object.entries({ error, output }).map(([stream, name]) =>
      addLogGroup(this, `${stream}-log`, {
        name,
        ownerName,
        retentionInDays: props.logRetentionDays ?? DEFAULT_LOG_RETENTION_DAYS,
        kmsKeyId: props.encryptionKey?.keyArn,
      }),
    );
    this.role.addToPolicy({
      // CreateLogGroup, too: Glue asks for the group before it writes, also where it is there.
      actions: ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      resources: groups.flatMap(({ arn }) => [arn, `${arn}:*`]),
    });
    return groups.flatMap(({ dependables }) => dependables);
  }
}

/** The store of a bucket's backups, as the jobs take it. */
export function storeAddress({ bucketName, backupPrefix }: IBackupBucket): string {
  return `s3://${bucketName}/${backupPrefix}`;
}

/** The arguments that no run can change: `values`, and the contract's defaults for the others. */
function fixedArguments(contract: JobContract, values: Record<string, string>): GlueArguments {
  const fixed: GlueArguments = {};
  for (const [name, argument] of Object.entries(contract.arguments)) {
    const value = values[name] ?? argument.default?.toString();
    if (argument.fixed && value !== undefined) fixed[`--${name}`] = value;
  }
  return fixed;
}
