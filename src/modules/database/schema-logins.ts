import type { IConstruct } from "constructs";
import { Annotations, Aspects } from "cdktf";
import type { IDatabaseSecret } from "./database-secret";

type Login = Pick<IDatabaseSecret, "username" | "secretArn">;

/** The secrets that the schemas of an app make users of, by the app. */
const secretsOfApp = new WeakMap<IConstruct, Set<string>>();

/** Notes that a schema makes users of these secrets. */
export function addSchemaLogins(scope: IConstruct, logins: readonly Login[]): void {
  const secrets = secretsOfApp.get(scope.node.root) ?? new Set<string>();
  secretsOfApp.set(scope.node.root, secrets);
  for (const { secretArn } of logins) secrets.add(secretArn);
}

/** Warns at synth where the app has a schema, and none makes the user that a job logs in as. */
export function warnWithoutSchemaUser(job: IConstruct, { username, secretArn }: Login): void {
  Aspects.of(job).add({
    visit: (node) => {
      const secrets = secretsOfApp.get(job.node.root);
      if (node !== job || secrets === undefined || secrets.has(secretArn)) return;
      Annotations.of(job).addWarning(
        `no MetadataSchema has a SchemaUser for "${username}", which this job logs in as: a run would be denied`,
      );
    },
  });
}
