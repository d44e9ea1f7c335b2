import * as path from "node:path";

/**
 * Where a file that the package ships for AWS is: a Glue script, the Python package, a CA bundle. They are in
 * `dist/assets`, two folders up from here both in `src` and in `dist`.
 */
export function assetPath(fileName: string): string {
  return path.join(__dirname, "..", "..", "dist", "assets", fileName);
}
