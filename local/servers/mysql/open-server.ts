import { createConnection } from "mysql2/promise";
import { ToolError } from "../../tools/tool-error";
import type { ServerKind } from "./install";
import { type MysqlServer, type StartServerOptions, startMysqlServer } from "./server";

/** A server to work with: one that was started, or one that somebody else runs. */
export type OpenServer = Omit<MysqlServer, "caFile" | "pid"> & Partial<Pick<MysqlServer, "caFile" | "pid">>;

/**
 * The server to use on this machine: the one that `MYSQL_URL` names (`mysql://user:password@host:port`, a user that may
 * do all), else a MySQL started here, else, where its packages cannot be had, a MariaDB.
 *
 * @throws ToolError in one line where there is none
 */
export async function openServer(options: Omit<StartServerOptions, "kind">): Promise<OpenServer> {
  const url = process.env["MYSQL_URL"];
  if (url !== undefined && url !== "") return connectToServer(url);
  const failures: string[] = [];
  for (const kind of ["mysql", "mariadb"] satisfies ServerKind[]) {
    try {
      return await startMysqlServer({ ...options, kind });
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      failures.push(`${kind}: ${error.message}`);
    }
  }
  throw new ToolError(`no database server can be started here (${failures.join("; ")})`);
}

/**
 * Holds the server that a URL names; `stop()` leaves it running. `?ca=<file>` gives the authority of its certificate.
 *
 * @throws ToolError where the URL cannot be read or the server does not answer; it does not show the password
 */
export async function connectToServer(url: string): Promise<OpenServer> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "mysql:" || parsed.hostname === "") {
    throw new ToolError("MYSQL_URL must look like mysql://user:password@host:3306");
  }
  const account = {
    host: parsed.hostname,
    port: Number(parsed.port || 3306),
    user: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
  };
  try {
    const connection = await createConnection(account);
    const [rows] = await connection.query("SELECT VERSION() AS version");
    await connection.end();
    return {
      host: account.host,
      port: account.port,
      rootUser: account.user,
      rootPassword: account.password,
      version: (rows as { version: string }[])[0]?.version ?? "unknown",
      caFile: parsed.searchParams.get("ca") ?? undefined,
      stop: () => Promise.resolve(),
    };
  } catch (error) {
    throw new ToolError(`MYSQL_URL: ${account.host}:${account.port} did not take us: ${(error as Error).message}`);
  }
}
