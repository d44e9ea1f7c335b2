import * as path from "node:path";

/**
 * Path of a file that the package ships for AWS: a Glue script, the Python package, a CA bundle. They are in
 * `dist/assets`, three folders up from here both in `src` and in `dist`.
 */
export function assetPath(fileName: string): string {
  return path.join(__dirname, "..", "..", "..", "dist", "assets", fileName);
}

/**
 * The file with the certificate authorities of RDS, PEM: what a MySQL provider needs to connect to a
 * `MetadataDatabase`, which takes TLS only.
 */
export const RDS_CA_BUNDLE = assetPath("rds-ca-bundle.pem");
