import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { runCommand } from "../../tools/run-command";
import { ToolError } from "../../tools/tool-error";

/** A Debian package and the suite that it is taken from. */
export interface DebianPackage {
  /** Name of the package, for example `mysql-server-core`. */
  readonly name: string;
  /** Suite of the archive, for example `sid`; it need not be the machine's own. */
  readonly suite: string;
  /**
   * Keeps the programs for people, in `usr/bin`.
   * @default false
   */
  readonly programs?: boolean;
}

/** Parts of a package that a server never reads; half of what would be kept. */
const UNUSED = ["usr/share/doc", "usr/share/man", "usr/share/gdb", "usr/share/perl", "usr/share/locale"];

/**
 * Unpacks a Debian package and all that it depends on, its own libc included, into a folder. Nothing is installed: apt
 * works on lists, a cache and an (empty) status file in `<folder>/apt`, so it neither needs root nor changes the system.
 *
 * @throws ToolError where the machine has no apt or no Debian mirror.
 */
export async function unpackDebianPackage(source: DebianPackage, folder: string): Promise<void> {
  const apt = path.join(folder, "apt");
  await mkdir(path.join(apt, "lists", "partial"), { recursive: true });
  await mkdir(path.join(apt, "archives", "partial"), { recursive: true });
  await writeFile(path.join(apt, "status"), "");
  await writeFile(path.join(apt, "sources.list"), `deb ${await debianMirror()} ${source.suite} main\n`);
  const options = [
    ["Dir::State", apt],
    ["Dir::State::status", path.join(apt, "status")],
    ["Dir::Cache", apt],
    ["Dir::Etc::sourcelist", path.join(apt, "sources.list")],
    ["Dir::Etc::sourceparts", "/dev/null"],
    ["Dir::Etc::preferences", "/dev/null"],
    ["Dir::Etc::preferencesparts", "/dev/null"],
    ["APT::Install-Recommends", "false"],
    // A machine without network is told so in seconds.
    ["Acquire::Retries", "1"],
    ["Acquire::http::Timeout", "15"],
    // apt drops root for a user that may not write into this folder.
    ["APT::Sandbox::User", "root"],
  ].flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  await runCommand("apt-get", [...options, "update"], { env });
  await runCommand("apt-get", [...options, "--yes", "--download-only", "install", source.name], { env });

  const archives = (await readdir(path.join(apt, "archives"))).filter((file) => file.endsWith(".deb")).sort();
  for (const archive of archives) {
    await runCommand("dpkg-deb", ["-x", path.join(apt, "archives", archive), folder]);
  }
  for (const unused of ["apt", ...(source.programs === true ? [] : ["usr/bin"]), ...UNUSED]) {
    await rm(path.join(folder, unused), { recursive: true, force: true });
  }
}

/** The Debian mirror of the machine's own sources, so that a company's mirror is respected. */
async function debianMirror(): Promise<string> {
  const { stdout } = await runCommand("apt-get", ["indextargets", "--format", "$(REPO_URI)"]);
  const mirror = stdout.split("\n").find((uri) => /\/debian\/?$/.test(uri));
  if (mirror === undefined) {
    throw new ToolError("this machine's apt sources name no Debian mirror");
  }
  return mirror;
}
