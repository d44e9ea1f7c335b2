import type { IConstruct } from "constructs";
import { Annotations, Aspects, Token } from "cdktf";
import type { DatabaseSecret, IDatabaseSecret } from "./database-secret";

type Login = Pick<IDatabaseSecret, "username" | "secretArn">;

/** The secrets that the schemas of an app make users of, by the app. */
const secretsOfApp = new WeakMap<IConstruct, Set<string>>();

/** Notes that a schema makes users of these secrets; warns of one that names another database. */
export function addSchemaLogins(scope: IConstruct, databaseName: string, logins: readonly Login[]): void {
  const secrets = secretsOfApp.get(scope.node.root) ?? new Set<string>();
  secretsOfApp.set(scope.node.root, secrets);
  for (const { secretArn } of logins) secrets.add(secretArn);
  const known = (name: unknown): name is string => typeof name === "string" && !Token.isUnresolved(name);
  const names = logins.map((login) => (login as Partial<DatabaseSecret>).databaseName).filter(known);
  const other = names.find((name) => name !== databaseName);
  if (other === undefined || !known(databaseName)) return;
  Annotations.of(scope).addWarning(
    `databaseName "${databaseName}" is not the one that the users' secrets hold, "${other}": clients that take it from ` +
      "there find no tables; give MetadataDatabase and MetadataSchema the same",
  );
}

/**
 * Warns at synth where the app has a schema, and none makes the user that a construct logs in as.
 *
 * @param client for example `this job`
 */
export function warnWithoutSchemaUser(scope: IConstruct, { username, secretArn }: Login, client: string): void {
  Aspects.of(scope).add({
    visit: (node) => {
      const secrets = secretsOfApp.get(scope.node.root);
      if (node !== scope || secrets === undefined || secrets.has(secretArn)) return;
      Annotations.of(scope).addWarning(
        `no MetadataSchema has a SchemaUser for "${username}", which ${client} logs in as: MySQL would refuse it`,
      );
    },
  });
}
