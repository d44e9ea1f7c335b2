import type { IDataLakeBucket } from "../storage/data-lake-bucket";
import type { IDatabaseSecret } from "../database/database-secret";
import type { IGrantee } from "../common/grantee";

/** What a web app works with. */
export interface ImageUploaderProps {
  /** The bucket that it uploads to, below `imagesPrefix`. */
  readonly bucket: IDataLakeBucket;
  /** The log-in of its database user. */
  readonly secret: IDatabaseSecret;
}

/** What the web app does: it looks whether an image is there, uploads it, and reads how to log in to the database. */
export function grantImageUpload(grantee: IGrantee, { bucket, secret }: ImageUploaderProps): void {
  bucket.grantList(grantee, bucket.imagesPrefix);
  bucket.grantPut(grantee, bucket.imagesPrefix);
  secret.grantRead(grantee);
}
