import { existsSync } from "node:fs";
import path from "node:path";

/** The repository's root: the nearest folder upwards with a package.json, from the source as from the compiled file. */
export const repositoryRoot = ((): string => {
  let folder = __dirname;
  while (!existsSync(path.join(folder, "package.json"))) folder = path.dirname(folder);
  return folder;
})();

/** A path below `.local`, where everything is that is made at run time. */
export function localPath(...parts: string[]): string {
  return path.join(repositoryRoot, ".local", ...parts);
}
