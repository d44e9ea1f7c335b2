// The pages of the built site, by the address that they have in it.
import fs from "node:fs";
import path from "node:path";
import { base } from "../address.mjs";

export const folder = path.join(import.meta.dirname, "..", "..", ".local", "site");

const filesOf = (ending) =>
  fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => file.split(path.sep).join("/"));

/** Each page's HTML, by its address: `/runbook/instance-gone/`. */
export const pages = new Map(
  filesOf("index.html").map((file) => [
    `${base}/${file.slice(0, -"index.html".length)}`,
    fs.readFileSync(path.join(folder, file), "utf8"),
  ]),
);

/** The file behind an address, undefined where there is none. */
export function fileOf(address) {
  const file = path.join(
    folder,
    decodeURI(address.slice(base.length).replace(/[?#].*$/, "")).replace(/\/$/, "/index.html"),
  );
  return fs.existsSync(file) && fs.statSync(file).isFile() ? file : undefined;
}
