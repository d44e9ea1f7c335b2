import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { App, TerraformStack } from "cdktf";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import {
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  MetadataDatabase,
  MetadataSchema,
  Role,
  SchemaUser,
} from "../../../src";
import { everyConstruct, existingNetwork } from "../../support/constructs";
import type { Block } from "../../support/synth";
import { synthesizeApp } from "../../support/synth";

type Kinds = Record<"resource" | "data" | "ephemeral", Record<string, Record<string, Block>> | undefined>;

/** The provider that each AWS block of a stack names, by address; undefined for the stack's own without an alias. */
function providersOf(text: string): [string, unknown][] {
  const { resource, data, ephemeral } = JSON.parse(text) as Kinds;
  return [resource, data, ephemeral].flatMap((types = {}) =>
    Object.entries(types)
      .filter(([type]) => type.startsWith("aws_"))
      .flatMap(([type, blocks]) =>
        Object.entries(blocks).map(([id, block]): [string, unknown] => [`${type}.${id}`, block.provider]),
      ),
  );
}

function everything(scope: TerraformStack, provider?: AwsProvider): void {
  const { database, secret } = everyConstruct((id) => ({ scope, id, provider }));
  existingNetwork(scope, "Other", { provider, createEndpoints: true });
  new DataLakeNetwork(scope, "Public", { provider, publicSubnets: true });
  database.allowConnectionsFrom("sg-1", "web app");
  new MetadataDatabase(scope, "Office", {
    provider,
    network: existingNetwork(scope, "OfficeNet", { provider }),
    allowedCidrs: ["10.1.0.0/16"],
  });
  const imported = DataLakeBucket.fromBucketName(scope, "Imported", "images", { provider });
  imported.grantList(new Role(scope, "Role", { provider, assumedBy: { type: "AWS", identifiers: ["*"] } }));
  new MetadataSchema(scope, "Schema", { awsProvider: provider, users: [SchemaUser.app(secret)] });
}

const synthesize = (build: (stack: TerraformStack) => void): string =>
  synthesizeApp((app) => {
    const stack = new TerraformStack(app, "test");
    new MysqlProvider(stack, "mysql", { endpoint: "127.0.0.1:3306" });
    build(stack);
  }).test?.text ?? "";

test("every AWS block of every construct takes the construct's provider, where the stack has an aliased one only", () => {
  const providers = providersOf(
    synthesize((stack) =>
      everything(stack, new AwsProvider(stack, "Aws", { alias: "zurich", region: "eu-central-2" })),
    ),
  );
  expect(providers.length).toBeGreaterThan(150);
  expect(providers.filter(([, provider]) => provider !== "aws.zurich")).toEqual([]);
  expect(providers.map(([address]) => address.replace(/\..*/, ""))).toEqual(
    expect.arrayContaining(["aws_secretsmanager_random_password", "aws_secretsmanager_secret_version", "aws_region"]),
  );
});

test("without the prop no block names a provider", () => {
  const providers = providersOf(
    synthesize((stack) => {
      new AwsProvider(stack, "Aws", { region: "eu-central-2" });
      everything(stack);
    }),
  );
  expect(providers.filter(([, provider]) => provider !== undefined)).toEqual([]);
});

test("warns once where a construct would get a provider without an alias that the stack does not have", () => {
  const warnings = (build: (stack: TerraformStack, provider: AwsProvider) => void) =>
    synthesizeApp((app) => {
      const stack = new TerraformStack(app, "test");
      build(stack, new AwsProvider(stack, "Aws", { alias: "zurich", region: "eu-central-2" }));
    }).test?.warnings;
  const assumedBy = { type: "AWS" as const, identifiers: ["*"] };
  expect(
    warnings((stack) => {
      new DataLakeKey(stack, "Key");
      new Role(stack, "Role", { assumedBy });
    }),
  ).toEqual([
    "this stack has no AWS provider without an alias: Terraform would take region and account from its environment; give " +
      "the construct a provider",
  ]);
  expect(
    warnings((stack, provider) => new Role(new Role(stack, "Outer", { assumedBy, provider }), "Inner", { assumedBy })),
  ).toEqual([]);
  expect(
    warnings((stack) => {
      new DataLakeKey(stack, "Key");
      new AwsProvider(stack, "Later", { region: "eu-central-1" });
    }),
  ).toEqual([]);
});

test("a construct's own provider goes before that of the construct around it", () => {
  const text = synthesize((stack) => {
    const [outer, inner] = ["outer", "inner"].map(
      (alias) => new AwsProvider(stack, alias, { alias, region: "eu-central-1" }),
    );
    const role = new Role(stack, "Outer", { provider: outer, assumedBy: { type: "AWS", identifiers: ["*"] } });
    new Role(role, "Inner", { provider: inner, assumedBy: { type: "AWS", identifiers: ["*"] } });
  });
  const roles = providersOf(text).filter(([address]) => address.startsWith("aws_iam_role."));
  expect(roles.map(([, provider]) => provider)).toEqual(["aws.outer", "aws.inner"]);
});

describe("the region of the provider", () => {
  const region = (name: string, provider: "before" | "after" | "aliased") => () =>
    synthesize((stack) => {
      if (provider === "before") new AwsProvider(stack, "Aws", { region: name });
      const alias =
        provider === "aliased" ? new AwsProvider(stack, "Aws", { region: name, alias: "there" }) : undefined;
      new MetadataDatabase(stack, "Db", {
        provider: alias,
        network: existingNetwork(stack),
      });
      if (provider === "after") new AwsProvider(stack, "Aws", { region: name });
    });

  it.each(["before", "aliased", "after"] as const)(
    "is refused for a database without an authority, made %s it",
    (when) => {
      expect(region("eu-central-9", when)).toThrow(
        'region must be one whose RDS authority this package ships, such as eu-central-1, got "eu-central-9": see ' +
          "RDS_CA_BUNDLE in docs/modules/metadata-database.md",
      );
      expect(region("us-gov-west-1", when)).not.toThrow();
    },
  );

  it("is refused in China, for any construct, and is Terraform's where it is a token or the environment's", () => {
    const key = (name: string | undefined) => () =>
      synthesize((stack) => {
        new AwsProvider(stack, "Aws", { region: name });
        new DataLakeKey(stack, "Key");
      });
    expect(key("cn-north-1")).toThrow(
      /^test\/Key: region must not be in China, got "cn-north-1": RDS's authorities, endpoints and principals are others there$/,
    );
    expect(key("${var.region}")).not.toThrow();
    expect(key(undefined)).not.toThrow();
    expect(() => new DataLakeKey(new TerraformStack(new App(), "bare"), "Key")).not.toThrow();
  });
});
