import type { IDataLakeBucket } from "../storage/data-lake-bucket";
import type { IDatabaseSecret } from "../database/database-secret";
import type { IConstruct } from "constructs";
import type { IGrantee } from "../common/grantee";
import { warnWithoutSchemaUser } from "../database/schema-logins";

/** Bucket and secret of a web app. */
export interface ImageUploaderProps {
  /** The bucket that it uploads to, below `imagesPrefix`. */
  readonly bucket: IDataLakeBucket;
  /** The log-in of its database user. */
  readonly secret: IDatabaseSecret;
}

/** Grants what the web app needs: list and upload images, and read its log-in to the database. */
export function grantImageUpload(grantee: IGrantee & IConstruct, { bucket, secret }: ImageUploaderProps): void {
  bucket.grantList(grantee, bucket.imagesPrefix);
  bucket.grantPut(grantee, bucket.imagesPrefix);
  secret.grantRead(grantee);
  warnWithoutSchemaUser(grantee, secret, "the web app");
}
