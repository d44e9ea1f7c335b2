import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { localPath } from "./paths";
import { runCommand } from "./run-command";
import { ToolError } from "./tool-error";

const MYSQL_PROVIDER = { source: "petoju/mysql", version: "~> 3.0.88" };

/** Whether `terraform init` can get the MySQL provider here, from the registry or from a mirror. */
export async function canGetMysqlProvider(environment: NodeJS.ProcessEnv): Promise<boolean> {
  const folder = localPath("mysql-provider");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    path.join(folder, "main.tf.json"),
    JSON.stringify({ terraform: { required_providers: { mysql: MYSQL_PROVIDER } } }),
  );
  try {
    await runCommand("terraform", ["init", "-no-color"], { cwd: folder, env: environment });
    return true;
  } catch (error) {
    if (error instanceof ToolError) return false;
    throw error;
  }
}
