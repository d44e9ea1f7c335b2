import type { IConstruct } from "constructs";
import { Token } from "cdktf";
import { awsRegion } from "./aws-provider";
import { checkConstruct } from "./checks";
import { ValidationError } from "./validation-error";

/** A member by which each construct is known, and the ways to get one, by the name of the prop that takes it. */
const KINDS = {
  bucket: ["backupPrefix", "a DataLakeBucket or DataLakeBucket.fromBucketName(…)"],
  backupBucket: ["backupPrefix", "a BackupBucket or a DataLakeBucket"],
  database: ["jdbcUrl", "a MetadataDatabase"],
  network: ["subnets", "a DataLakeNetwork or DataLakeNetwork.fromExisting(…)"],
  encryptionKey: ["keyArn", "a DataLakeKey or DataLakeKey.fromKeyArn(…)"],
  secret: ["secretArn", "a secret, as MetadataDatabase.addUser(…) gives it"],
  backupJob: ["jobName", "a BackupGlueJob"],
  purgeJob: ["jobName", "a PurgeGlueJob"],
  restoreJob: ["jobName", "a RestoreGlueJob"],
  serverAccessLogsBucket: ["allowLogDelivery", "an AccessLogsBucket"],
} as const;

type Kind = keyof typeof KINDS;

/**
 * Throws unless the props that take a construct have one: plain JavaScript, and a cast, let a name or nothing through.
 *
 * @param needed the props that cannot be left out
 * @param optional those that can
 */
export function checkConstructProps(
  scope: IConstruct,
  props: { readonly [kind in Kind]?: unknown },
  needed: Kind[],
  optional: Kind[] = [],
): void {
  for (const kind of [...needed, ...optional.filter((other) => props[other] !== undefined)]) {
    const [member, wanted] = KINDS[kind];
    checkConstruct(scope, kind, props[kind], member, wanted);
  }
  const checked = [...needed, ...optional];
  for (const kind of REGIONAL.filter((regional) => checked.includes(regional))) checkRegion(scope, kind, props[kind]);
}

/** Constructs that work in their own region only: KMS and S3's access logs, and what is in a VPC. */
const REGIONAL = ["database", "encryptionKey", "network", "serverAccessLogsBucket"] as const;

/** Throws where a construct is known to be of another region than the one that takes it. */
function checkRegion(scope: IConstruct, kind: (typeof REGIONAL)[number], given: unknown): void {
  const region = awsRegion(scope);
  if (given === undefined || region === undefined) return;
  const { keyArn } = given as { readonly keyArn?: string };
  const isArn = keyArn !== undefined && !Token.isUnresolved(keyArn);
  // An imported one has no resource, and no region of its own but in its ARN.
  const ownRegion = "resource" in (given as object) ? awsRegion(given as IConstruct) : undefined;
  const givenRegion = isArn ? keyArn.split(":")[3] : ownRegion;
  if (givenRegion === undefined || givenRegion === region) return;
  const wanted = kind === "encryptionKey" ? "a key" : `a ${kind}`;
  const got = isArn ? keyArn : `${(given as IConstruct).node.path} of ${givenRegion}`;
  throw new ValidationError(
    scope,
    `${kind} must be ${wanted} of ${region}, the region of the AWS provider, got ${got}`,
  );
}
