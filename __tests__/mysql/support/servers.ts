import { rm } from "node:fs/promises";
import path from "node:path";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { type ServerKind, mysqlFolder } from "../../../local/servers/mysql/install";
import { type OpenServer, connectToServer } from "../../../local/servers/mysql/open-server";
import { connectAsProvider } from "../../../local/replayer/replayer";
import { startMysqlServer } from "../../../local/servers/mysql/server";

// Other suites share the machine's two cores.
jest.setTimeout(300_000);

/** Actions of a test on the server of its suite. */
export interface ServerUnderTest {
  /** The running server. */
  readonly server: OpenServer;
  /** The root account, as the replayer takes it. */
  readonly root: { host: string; port: number; user: string; password: string };
  /** Connection of root with the provider's session settings. */
  readonly connection: Connection;
  /** Rows of a query. */
  rows(sql: string, values?: unknown[]): Promise<RowDataPacket[]>;
  /** True for MariaDB. */
  readonly isMariaDb: boolean;
}

/**
 * A suite on each real server: MySQL (the one that MYSQL_URL names, or the one that the set-up unpacks) and MariaDB. It
 * prints the version that it ran on.
 */
export function describeOnServers(
  title: string,
  suite: (get: () => ServerUnderTest) => void,
  kinds: readonly ServerKind[] = ["mysql", "mariadb"],
): void {
  describe.each(kinds)(`${title} (%s)`, (kind) => {
    const folder = path.join(mysqlFolder, "test", `${title.replace(/\W+/g, "-")}-${kind}-${process.pid}`);
    let current: ServerUnderTest | undefined;
    let before: Leftovers = { databases: [], users: [] };

    beforeAll(async () => {
      const url = process.env["MYSQL_URL"];
      const server =
        kind === "mysql" && url !== undefined && url !== ""
          ? await connectToServer(url)
          : await startMysqlServer({ kind, dataFolder: folder });
      const root = { host: server.host, port: server.port, user: server.rootUser, password: server.rootPassword };
      const connection = await connectAsProvider(root);
      const rows = async (sql: string, values?: unknown[]): Promise<RowDataPacket[]> =>
        (await connection.query<RowDataPacket[]>(sql, values))[0];
      current = { server, root, connection, rows, isMariaDb: server.version.includes("MariaDB") };
      before = await leftovers(current);
      process.stderr.write(`${title}: on ${current.isMariaDb ? "" : "MySQL "}${server.version}\n`);
    }, 180_000);

    afterAll(async () => {
      if (current !== undefined) await cleanUp(current, before);
      await current?.connection.end();
      await current?.server.stop();
      await rm(folder, { recursive: true, force: true });
    }, 60_000);

    suite(() => {
      if (current === undefined) throw new Error("the server did not start");
      return current;
    });
  });
}

interface Leftovers {
  readonly databases: string[];
  readonly users: string[];
}

/** Databases and users that a suite may leave behind; users as SQL writes them. */
async function leftovers({ rows }: ServerUnderTest): Promise<Leftovers> {
  const databases = await rows("SHOW DATABASES");
  const users = await rows("SELECT CONCAT(QUOTE(user), '@', QUOTE(host)) AS account FROM mysql.user");
  return {
    databases: databases.map((row) => String(row["Database"])),
    users: users.map((row) => String(row["account"])),
  };
}

/** Leaves a server of somebody else's as it was. */
async function cleanUp(server: ServerUnderTest, before: Leftovers): Promise<void> {
  const after = await leftovers(server);
  for (const database of after.databases.filter((name) => !before.databases.includes(name))) {
    await server.connection.query("DROP DATABASE ??", [database]);
  }
  for (const user of after.users.filter((name) => !before.users.includes(name))) {
    await server.connection.query(`DROP USER ${user}`);
  }
}
