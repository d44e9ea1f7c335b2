import { readFileSync } from "node:fs";
import path from "node:path";
import { type Connection, createConnection, escapeId } from "mysql2/promise";
import { ToolError } from "../tools/tool-error";
import { Expressions, type SecretReader, type StackJson } from "./expressions";

/** Stack to replay, and the server to replay it on. */
export interface ReplayOptions {
  /** The synthesized stack, a `cdk.tf.json`. */
  readonly stackFile: string;
  /** The server, and a user that may do all. */
  readonly server: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    /**
     * PEM file of the authority that signed the server's certificate.
     *
     * @default - no TLS
     */
    readonly caFile?: string;
  };
  /** Reads a secret that the stack refers to. */
  readonly readSecret: SecretReader;
  /**
   * Told before each resource, for a progress bar.
   *
   * @default - nobody
   */
  readonly onResource?: (address: string, index: number, total: number) => void;
}

/** A statement that the server refused. */
export class ReplayError extends ToolError {
  constructor(
    readonly address: string,
    /** MySQL's error number, for example 1644. */
    readonly errno: number | undefined,
    message: string,
  ) {
    super(`${address}: ${errno === undefined ? "" : `Error ${errno}: `}${message}`);
  }
}

type Action = "create" | "destroy" | "setPasswords";

interface Resource {
  readonly address: string;
  readonly type: string;
  readonly arguments: Record<string, unknown>;
}

/**
 * Runs what Terraform's MySQL provider would run on an apply without a state, with the provider's session settings. It is
 * a stand-in for tests and the local environment of a machine that cannot get the provider, never a way to deploy: it has
 * no plan and no state.
 *
 * @returns the addresses, in the order in which they were made
 * @throws ReplayError for the first statement that the server refuses; what was done before it stays done
 */
export function replayApply(options: ReplayOptions): Promise<string[]> {
  return replay(options, "create");
}

/**
 * Runs what the provider would run on a destroy, in the reverse order.
 *
 * @returns the addresses, in the order in which they were destroyed
 * @throws ReplayError for the first statement that the server refuses
 */
export function replayDestroy(options: ReplayOptions): Promise<string[]> {
  return replay(options, "destroy");
}

/**
 * Runs what the provider would run on an apply after each user's `password_wo_version` has changed.
 *
 * @returns the addresses of the users
 * @throws ReplayError for the first statement that the server refuses
 */
export function replayPasswords(options: ReplayOptions): Promise<string[]> {
  return replay(options, "setPasswords");
}

/** A connection as the provider makes it: several statements in a query, and no strict mode. */
export async function connectAsProvider(server: ReplayOptions["server"]): Promise<Connection> {
  const { caFile, ...account } = server;
  const connection = await createConnection({
    ...account,
    multipleStatements: true,
    ...(caFile === undefined ? {} : { ssl: { ca: readFileSync(caFile, "utf8") } }),
  });
  await connection.query("SET SESSION sql_mode = ''");
  return connection;
}

async function replay(options: ReplayOptions, action: Action): Promise<string[]> {
  const { stack, resources: all } = readStack(options.stackFile);
  const resources = action === "setPasswords" ? all.filter(({ type }) => type === "mysql_user") : all;
  if (action === "destroy") resources.reverse();
  const expressions = new Expressions(stack, path.dirname(options.stackFile), options.readSecret);
  const connection = await connectAsProvider(options.server);
  try {
    for (const [index, resource] of resources.entries()) {
      options.onResource?.(resource.address, index, resources.length);
      try {
        await act(connection, resource, expressions, action);
      } catch (error) {
        if (error instanceof ToolError) throw error;
        const { errno, message } = error as NodeJS.ErrnoException;
        throw new ReplayError(resource.address, errno, message.replace(/\s+/g, " "));
      }
    }
  } finally {
    await connection.end();
  }
  return resources.map((resource) => resource.address);
}

async function act(
  connection: Connection,
  resource: Resource,
  expressions: Expressions,
  action: Action,
): Promise<unknown> {
  const values = (...names: string[]): Promise<string[]> => evaluate(resource, expressions, names);
  const creates = action === "create";
  switch (resource.type) {
    case "mysql_sql":
      return connection.query((await values(creates ? "create_sql" : "delete_sql")).join());
    case "mysql_user":
      if (action === "setPasswords") {
        const retain = resource.arguments["retain_old_password"] === true ? " RETAIN CURRENT PASSWORD" : "";
        return connection.query(`ALTER USER ?@? IDENTIFIED BY ?${retain}`, await values("user", "host", "password_wo"));
      }
      return creates
        ? connection.query("CREATE USER ?@? IDENTIFIED BY ?", await values("user", "host", "password_wo"))
        : connection.query("DROP USER ?@?", await values("user", "host"));
    case "mysql_grant": {
      const [verb, preposition] = creates ? ["GRANT", "TO"] : ["REVOKE", "FROM"];
      // An asterisk stands for every database or table; in quotes it would be a name.
      const target = (await values("database", "table"))
        .map((part) => (part === "*" ? part : escapeId(part)))
        .join(".");
      const sql = `${verb} ${privileges(resource)} ON ${target} ${preposition} ?@?`;
      return connection.query(sql, await values("user", "host"));
    }
    default:
      throw new ToolError(`${resource.address}: the replayer does not know this type of resource`);
  }
}

/** Arguments of a resource, their expressions replaced by values; the others may hold expressions that only Terraform knows. */
function evaluate(resource: Resource, expressions: Expressions, names: string[]): Promise<string[]> {
  return Promise.all(
    names.map((name) => {
      const value = resource.arguments[name];
      if (typeof value !== "string") throw new ToolError(`${resource.address} has no ${name}`);
      return expressions.evaluate(value);
    }),
  );
}

function privileges(resource: Resource): string {
  const list = resource.arguments["privileges"] as string[];
  const wrong = list.find((privilege) => !/^[A-Z_ ]+$/.test(privilege));
  if (wrong !== undefined) throw new ToolError(`${resource.address}: ${wrong} is not a privilege`);
  return list.join(", ");
}

function readStack(file: string): { stack: StackJson; resources: Resource[] } {
  const stack = JSON.parse(readFileSync(file, "utf8")) as StackJson;
  const all = Object.entries(stack.resource ?? {}).flatMap(([type, byId]) =>
    Object.entries(byId).map(([id, body]) => ({ address: `${type}.${id}`, type, arguments: body })),
  );
  return { stack, resources: inDependencyOrder(all.filter(({ type }) => type.startsWith("mysql_"))) };
}

/** Each resource after all that it depends on or refers to, as Terraform orders them. */
function inDependencyOrder(resources: Resource[]): Resource[] {
  const ordered = new Set<Resource>();
  const visit = (resource: Resource, from: Resource[]): void => {
    if (ordered.has(resource)) return;
    if (from.includes(resource)) throw new ToolError(`${resource.address} depends on itself`);
    const { depends_on: dependsOn = [], ...values } = resource.arguments;
    const expressions = Object.values(values).filter((value) => typeof value === "string" && value.startsWith("${"));
    const mentioned = [...(dependsOn as string[]), ...expressions].join(" ");
    for (const other of resources) {
      if (other !== resource && new RegExp(`\\b${other.address}(?![\\w-])`).test(mentioned)) {
        visit(other, [...from, resource]);
      }
    }
    ordered.add(resource);
  };
  for (const resource of resources) visit(resource, []);
  return [...ordered];
}
