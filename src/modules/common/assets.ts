import * as fs from "node:fs";
import * as path from "node:path";

const PACKAGE = "cdktf-xray-data-lake";

/** Folders that may hold the package's files: three up from here, both in `src` and in `dist`; a copy beside a bundle. */
const ROOTS = [path.join(__dirname, "..", "..", ".."), path.join(__dirname, PACKAGE)];

/** The path of a file or folder that the package ships, from the package's own folder on. */
export function packagePath(...segments: string[]): string {
  const found = ROOTS.map((root) => path.join(root, ...segments)).find((file) => fs.existsSync(file));
  if (found !== undefined) return found;
  throw new Error(
    `${PACKAGE}: ${segments.join("/")} is not where the package's code runs, ${__dirname}: leave the package out of your bundle ` +
      `(esbuild --external:${PACKAGE}), or copy its folders dist/assets and sql into ${ROOTS[1]}`,
  );
}

/** The path of a file that the package ships for AWS: a Glue script, the Python package, a CA bundle. */
export function assetPath(fileName: string): string {
  return packagePath("dist", "assets", fileName);
}

/**
 * The file with the certificate authorities of RDS, PEM: what a MySQL provider needs to connect to a
 * `MetadataDatabase`, which takes TLS only.
 */
export const RDS_CA_BUNDLE =
  ROOTS.map((root) => path.join(root, "dist", "assets", "rds-ca-bundle.pem")).find((file) => fs.existsSync(file)) ??
  path.join(__dirname, "rds-ca-bundle.pem");
