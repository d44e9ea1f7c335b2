import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformStack } from "cdktf";
import { MetadataSchema, type MetadataSchemaProps } from "../../../src/modules/metadata-schema";
import { SchemaUser } from "../../../src/modules/schema-user";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import type { ServerUnderTest } from "./servers";

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

/** The three users of the data lake. */
export function users(): SchemaUser[] {
  const secret = (username: string) => ({ username, secretArn: username, passwordVersion: 1 });
  return [
    SchemaUser.app(secret("xray_app")),
    SchemaUser.backup(secret("xray_backup")),
    SchemaUser.purge(secret("xray_purge")),
  ];
}

/** Synthesizes a stack that holds one MetadataSchema and returns the path of its `cdk.tf.json`. */
export function synthesizeSchema(props: MetadataSchemaProps, server?: ServerUnderTest["root"]): string {
  const outdir = mkdtempSync(path.join(tmpdir(), "schema-"));
  process.once("exit", () => rmSync(outdir, { recursive: true, force: true }));
  const app = new App({ outdir });
  const stack = new TerraformStack(app, "schema");
  new AwsProvider(stack, "Aws", { region: "eu-west-1" });
  const mysql = new MysqlProvider(stack, "Mysql", {
    endpoint: `${server?.host ?? "127.0.0.1"}:${server?.port ?? 3306}`,
    username: server?.user ?? "root",
  });
  mysql.addOverride("conn_params.multiStatements", "true");
  new MetadataSchema(stack, "Schema", props);
  app.synth();
  return path.join(outdir, "stacks", "schema", "cdk.tf.json");
}
