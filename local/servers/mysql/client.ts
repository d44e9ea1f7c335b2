import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { mysqlFolder, findLoader } from "./install";
import { unpackDebianPackage } from "./packages";

const FOLDER = path.join(mysqlFolder, "client");

/**
 * The `mysql` command line, of the client library that MySQL Workbench has: the program and its first arguments. Its
 * packages are unpacked at the first call; nothing on the system changes.
 *
 * @throws ToolError where the packages cannot be had
 */
export async function mysqlClient(): Promise<[string, ...string[]]> {
  if (!existsSync(FOLDER)) {
    const partial = `${FOLDER}.partial-${process.pid}`;
    await mkdir(partial, { recursive: true });
    try {
      await unpackDebianPackage({ name: "mysql-client-core", suite: "sid", programs: true }, partial);
      await rename(partial, FOLDER);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }
  const loader = await findLoader(FOLDER);
  const triplet = path.basename(path.dirname(loader));
  const libraries = ["usr/lib", "lib"].map((folder) => path.join(FOLDER, folder, triplet)).join(":");
  return [loader, "--library-path", libraries, path.join(FOLDER, "usr", "bin", "mysql")];
}
