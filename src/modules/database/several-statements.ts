import type { IConstruct } from "constructs";
import { Aspects, type TerraformMetaArguments, TerraformStack } from "cdktf";
import type { MysqlProvider } from "../../providers/mysql/provider";

type Provider = NonNullable<TerraformMetaArguments["provider"]>;

/**
 * Turns `multiStatements` on at a schema's MySQL provider, also at one that is made later: each statement is sent with its
 * `sql_mode` before it. Not as a prop of the provider: cdktf writes the names of a map's entries in snake case, which the
 * server takes for a variable that it does not know.
 */
export function allowSeveralStatements(schema: IConstruct, given: Provider | undefined): void {
  Aspects.of(schema).add({
    visit: (node) => {
      if (node !== schema) return;
      const provider = given ?? defaultProvider(schema);
      if (provider === undefined) return;
      const { connParams } = provider as MysqlProvider;
      if (connParams !== undefined) {
        (provider as MysqlProvider).connParams = Object.fromEntries(
          Object.entries(connParams).filter(([name]) => name !== "multiStatements"),
        );
      }
      provider.addOverride("conn_params.multiStatements", "true");
    },
  });
}

function defaultProvider(scope: IConstruct): Provider | undefined {
  return (TerraformStack.of(scope).node.findAll() as (IConstruct & Partial<Provider>)[]).find(
    ({ terraformResourceType, alias }) => terraformResourceType === "mysql" && alias === undefined,
  ) as Provider | undefined;
}
