import path from "node:path";
import type { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import type { Construct } from "constructs";
import {
  AccessLogsBucket,
  BackupBucket,
  BackupCatalog,
  BackupGlueJob,
  DataLakeAlarms,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  DatabaseBastion,
  EraseGlueJob,
  type ExistingNetworkProps,
  GithubActionsRole,
  type IDataLakeNetwork,
  ImageUploaderUser,
  MetadataDatabase,
  PurgeGlueJob,
  RestoreGlueJob,
  WebIdentityRole,
} from "../../src";

/** Scope and id of a construct, and props of it that take the place of the usual ones. */
export interface Place {
  readonly scope: Construct;
  readonly id: string;
  readonly provider?: AwsProvider;
  readonly namePath?: string;
  readonly [prop: string]: unknown;
}

export const GOOGLE_SERVICE_ACCOUNT_ID = "104752890112345678901";

/** A policy as xray-deployer-policy writes it. */
const DEPLOYER_POLICY = path.join(__dirname, "deployer-policy.json");

/** A network that the stack does not make, with two subnets. */
export function existingNetwork(
  scope: Construct,
  id = "Net",
  props: Partial<ExistingNetworkProps> = {},
): IDataLakeNetwork {
  const subnets = ["a", "b"].map((zone) => ({ id: `subnet-${zone}`, availabilityZone: zone, routeTableId: "rtb-1" }));
  return DataLakeNetwork.fromExisting(scope, id, { vpcId: "vpc-1", subnets, ...props });
}

/** One of each construct of the AWS stack, connected; `place` says where the one that is usually called `id` goes. */
export function everyConstruct(place: (id: string) => Place) {
  function make<C, P>(Type: new (scope: Construct, id: string, props: P) => C, usualId: string, props: P): C {
    const { scope, id, ...others } = place(usualId);
    return new Type(scope, id, { ...props, ...others });
  }
  const encryptionKey = make(DataLakeKey, "Key", {});
  const network = make(DataLakeNetwork, "Net", {});
  const serverAccessLogsBucket = make(AccessLogsBucket, "Logs", {});
  const bucket = make(DataLakeBucket, "Lake", { encryptionKey, serverAccessLogsBucket });
  const backupBucket = make(BackupBucket, "Backups", { encryptionKey, serverAccessLogsBucket });
  const database = make(MetadataDatabase, "Db", { network, encryptionKey });
  const wiring = { bucket, backupBucket, database, network, encryptionKey };
  const backupJob = make(BackupGlueJob, "Backup", wiring);
  const restoreJob = make(RestoreGlueJob, "Restore", wiring);
  const purgeJob = make(PurgeGlueJob, "Purge", { ...wiring, olderThanDays: 90 });
  make(EraseGlueJob, "Erase", wiring);
  make(DatabaseBastion, "Bastion", { database, network, encryptionKey });
  make(BackupCatalog, "Catalog", { bucket, backupBucket, encryptionKey });
  make(DataLakeAlarms, "Alarms", {
    ...{ database, backupJob, purgeJob, restoreJob, encryptionKey },
    email: "a@example.org",
  });
  const secret = database.addUser("xray_app");
  make(WebIdentityRole, "App", { bucket, secret, googleServiceAccountId: GOOGLE_SERVICE_ACCOUNT_ID });
  make(ImageUploaderUser, "User", { bucket, secret });
  make(GithubActionsRole, "Ci", { repository: "acme/x-ray", environment: "prod", policyFiles: [DEPLOYER_POLICY] });
  return { network, database, secret };
}
