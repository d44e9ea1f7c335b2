import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, LocalBackend, TerraformStack } from "cdktf";
import { MetadataSchema, type MetadataSchemaProps } from "../../../src/modules/database/metadata-schema";
import { SchemaUser } from "../../../src/modules/database/schema-user";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import type { OpenServer } from "../../../local/servers/mysql/open-server";

/** Passwords of the users by the name of their secret, in the JSON that RDS writes; read through no file. */
export const secrets: Record<string, string> = Object.fromEntries(
  ["xray_app", "xray_backup", "xray_purge"].map((username) => [
    username,
    JSON.stringify({ username, password: `pw-${username}-"'\\$\{x}-9f8e7d` }),
  ]),
);

/** Password of a user of {@link secrets}. */
export function passwordOf(username: string): string {
  return (JSON.parse(secrets[username] ?? "{}") as { password: string }).password;
}

/** The three users of the data lake; another version means that their passwords are set again. */
export function users(passwordVersion = 1): SchemaUser[] {
  const secret = (username: string) => ({ username, secretArn: username, passwordVersion });
  return [
    SchemaUser.app(secret("xray_app")),
    SchemaUser.backup(secret("xray_backup")),
    SchemaUser.purge(secret("xray_purge")),
  ];
}

/** Servers of the providers of a synthesized stack; passwords come from the environment. */
export interface Endpoints {
  /** The MySQL server. */
  readonly mysql: Pick<OpenServer, "host" | "port" | "rootUser" | "caFile">;
  /** URL of an AWS emulator that holds the users' secrets. */
  readonly aws?: string;
}

const outdirs: string[] = [];
afterAll(() => outdirs.splice(0).forEach((outdir) => rmSync(outdir, { recursive: true, force: true })));

/**
 * Synthesizes a stack that holds one MetadataSchema and returns the path of its `cdk.tf.json`.
 *
 * @param outdir the same folder as before keeps Terraform's state in it
 */
export function synthesizeSchema(
  props: MetadataSchemaProps,
  endpoints?: Endpoints,
  outdir = temporaryFolder(),
): string {
  const app = new App({ outdir });
  const stack = new TerraformStack(app, "schema");
  new LocalBackend(stack, { path: "schema.tfstate" });
  if (props.users !== undefined) addAwsProvider(stack, endpoints?.aws);
  const { mysql } = endpoints ?? {};
  new MysqlProvider(stack, "Mysql", {
    endpoint: `${mysql?.host ?? "127.0.0.1"}:${mysql?.port ?? 3306}`,
    username: mysql?.rootUser ?? "root",
    connectRetryTimeoutSec: 3,
    noProxy: "*",
    customTls: mysql?.caFile === undefined ? undefined : [{ caCert: mysql.caFile }],
  });
  new MetadataSchema(stack, "Schema", props);
  app.synth();
  return path.join(outdir, "stacks", "schema", "cdk.tf.json");
}

/** A folder that goes when the tests of the file end. */
export function temporaryFolder(): string {
  const outdir = mkdtempSync(path.join(tmpdir(), "schema-"));
  outdirs.push(outdir);
  return outdir;
}

function addAwsProvider(stack: TerraformStack, endpoint: string | undefined): void {
  new AwsProvider(stack, "Aws", {
    region: "eu-west-1",
    ...(endpoint === undefined
      ? {}
      : {
          accessKey: "test",
          secretKey: "test",
          skipCredentialsValidation: true,
          skipMetadataApiCheck: "true",
          endpoints: [{ secretsmanager: endpoint, sts: endpoint }],
        }),
  });
}
