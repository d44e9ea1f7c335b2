import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { localPath } from "../../tools/paths";
import { ToolError } from "../../tools/tool-error";
import { type DebianPackage, unpackDebianPackage } from "./packages";

/** The two servers that the schema is made for. */
export type ServerKind = "mysql" | "mariadb";

interface ServerSource extends DebianPackage {
  /** Folder below `.local/mysql`. */
  readonly folder: string;
  /** Name of the daemon in `usr/sbin`, and of the launcher. */
  readonly daemon: string;
  /** Options that the daemon needs wherever it is unpacked; `$root` is the unpacked folder. */
  readonly options: string[];
}

const SOURCES: Record<ServerKind, ServerSource> = {
  // Debian's stable suites have no MySQL: unstable has the long-term release, built for a newer libc, which comes along.
  mysql: {
    name: "mysql-server-core",
    suite: "sid",
    folder: "server",
    daemon: "mysqld",
    options: [
      '--basedir="$root/usr"',
      '--lc-messages-dir="$root/usr/share/mysql"',
      '--plugin-dir="$root/usr/lib/mysql/plugin"',
      "--mysqlx=OFF",
    ],
  },
  mariadb: {
    name: "mariadb-server-core",
    suite: "bookworm",
    folder: "mariadb",
    daemon: "mariadbd",
    options: ['--basedir="$root/usr"', '--lc-messages-dir="$root/usr/share/mysql"'],
  },
};

/** Folder of everything that is made at run time for the database servers. */
export const mysqlFolder = localPath("mysql");

/** Path of the launcher that {@link installServer} makes, whether it is there or not. */
export function serverLauncher(kind: ServerKind): string {
  return path.join(mysqlFolder, SOURCES[kind].folder, SOURCES[kind].daemon);
}

/**
 * Makes sure that a real server can be started on this machine, and returns its launcher: a shell script that runs the
 * daemon with its own libraries and takes the daemon's options. A second call finds the first one's work.
 *
 * @param onStep told what goes on, for a progress line
 * @throws ToolError where the server's packages cannot be had.
 */
export async function installServer(kind: ServerKind, onStep: (step: string) => void = () => {}): Promise<string> {
  const launcher = serverLauncher(kind);
  if (existsSync(launcher)) return launcher;

  const source = SOURCES[kind];
  const target = path.dirname(launcher);
  // Made beside its place and renamed at the end: whoever finds the folder finds it whole.
  const partial = `${target}.partial-${process.pid}`;
  const root = path.join(partial, "root");
  await mkdir(root, { recursive: true });
  try {
    onStep(`fetching ${source.name} from Debian ${source.suite} (once)`);
    await unpackDebianPackage(source, root);
    await writeFile(path.join(partial, source.daemon), await launcherScript(source, root));
    await chmod(path.join(partial, source.daemon), 0o755);
    await rename(partial, target).catch((error: NodeJS.ErrnoException) => {
      // Another process was faster: its folder is as good.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new ToolError(`no ${kind} server for this machine (${error.message}): set MYSQL_URL to a server of yours`);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return launcher;
}

async function launcherScript(source: ServerSource, root: string): Promise<string> {
  const loader = await findLoader(root);
  const triplet = path.basename(path.dirname(loader));
  const libraries = ["usr/lib", "lib"].map((folder) => `$root/${folder}/${triplet}`).join(":");
  return [
    "#!/bin/sh",
    `# ${source.daemon} from ${source.name} (Debian ${source.suite}) with the libraries unpacked beside it.`,
    'root="$(dirname "$(readlink -f "$0")")/root"',
    '[ "$1" = --no-defaults ] && shift',
    "# The server refuses to run as root unless it is told to; in a container there may be nobody else.",
    '[ "$(id -u)" = 0 ] && set -- --user=root "$@"',
    `exec "$root/${path.relative(root, loader)}" --library-path "${libraries}" \\`,
    `  "$root/usr/sbin/${source.daemon}" --no-defaults ${source.options.join(" ")} "$@"`,
    "",
  ].join("\n");
}

/** The packages' own dynamic loader, for example `usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2`. */
export async function findLoader(root: string): Promise<string> {
  for (const library of ["usr/lib", "lib"].map((folder) => path.join(root, folder)).filter(existsSync)) {
    for (const triplet of (await readdir(library)).filter((name) => name.endsWith("-linux-gnu"))) {
      const loader = (await readdir(path.join(library, triplet))).find((name) => /^ld-linux-.*\.so/.test(name));
      if (loader !== undefined) return path.join(library, triplet, loader);
    }
  }
  throw new ToolError("the unpacked packages have no dynamic loader: remove .local/mysql and try again");
}
