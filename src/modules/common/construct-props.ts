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
  checkKeyRegion(scope, props.encryptionKey as { readonly keyArn: string } | undefined);
}

/** Throws where the key is known to be of another region than what it encrypts: KMS answers in one region only. */
function checkKeyRegion(scope: IConstruct, key: { readonly keyArn: string } | undefined): void {
  if (key === undefined || Token.isUnresolved(key.keyArn)) return;
  const region = awsRegion(scope);
  const keyRegion = key.keyArn.split(":")[3];
  if (region === undefined || keyRegion === region) return;
  throw new ValidationError(
    scope,
    `encryptionKey must be a key of ${region}, the region of the AWS provider, got ${key.keyArn}`,
  );
}
