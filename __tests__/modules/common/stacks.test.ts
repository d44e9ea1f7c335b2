import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import type { App } from "cdktf";
import { TerraformStack } from "cdktf";
import {
  AccessLogsBucket,
  DataLakeBucket,
  DataLakeNetwork,
  MetadataDatabase,
  MetadataSchema,
  SchemaUser,
} from "../../../src";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import { everyConstruct } from "../../support/constructs";
import type { SynthesizedStack } from "../../support/synth";
import { synthesizeApp } from "../../support/synth";

function stackOf(app: App, name: string): TerraformStack {
  const stack = new TerraformStack(app, name);
  new AwsProvider(stack, "aws", { region: "eu-central-1" });
  return stack;
}

/** Every construct in a stack of its own, whose name is the construct's id in small letters. */
function everyStack(app: App): void {
  const { network, database, secret } = everyConstruct((id) => ({ scope: stackOf(app, id.toLowerCase()), id }));
  const webApp = stackOf(app, "web-app");
  const { id } = new SecurityGroup(webApp, "Group", { vpcId: network.vpcId, name: database.endpoint });
  database.allowConnectionsFrom(id, "web app");
  const schema = stackOf(app, "schema");
  new MysqlProvider(schema, "mysql", { endpoint: database.endpoint });
  new MetadataSchema(schema, "Schema", { users: [SchemaUser.app(secret)] });
}

type Kinds = Record<"resource" | "data" | "ephemeral", Record<string, object> | undefined>;

/** References to blocks that a stack does not have. */
function danglingReferences(text: string): (string | undefined)[] {
  const { resource, data, ephemeral } = JSON.parse(text) as Kinds;
  const addresses = Object.entries({ "": resource, "data.": data, "ephemeral.": ephemeral }).flatMap(
    ([kind, types = {}]) =>
      Object.entries(types).flatMap(([type, blocks]) => Object.keys(blocks).map((id) => `${kind}${type}.${id}`)),
  );
  return [...text.matchAll(/\b((?:data\.|ephemeral\.)?(?:aws|terraform|mysql)_[a-z_]+\.[A-Za-z][\w-]*)/g)]
    .map(([, reference]) => reference)
    .filter((reference = "") => !addresses.includes(reference));
}

const rules = (stack: SynthesizedStack | undefined) => stack?.ids("aws_vpc_security_group_ingress_rule");

test("every construct in a stack of its own: the stacks have an order, and no reference is left over", () => {
  const stacks = synthesizeApp(everyStack);
  for (const { text } of Object.values(stacks)) expect(danglingReferences(text)).toEqual([]);
});

test("a rule belongs to the stack of what connects", () => {
  const { net, db, backup, "web-app": webApp } = synthesizeApp(everyStack);
  expect([rules(net), rules(db)]).toEqual([[], []]);
  expect(rules(webApp)).toEqual(["Ingress-db-db-web-app"]);
  expect(rules(backup)).toEqual([
    "Backup_Connection_Ingress-db-db-Glue-job-backup-Backup-Connection",
    "Backup_Connection_Ingress-net-net-endpoints-Glue-job-backup-Backup-Connection",
    "Backup_Connection_SelfIngress",
  ]);
});

test("a log bucket lets in the bucket of another stack by the beginning of its name, or by the whole", () => {
  const source = (bucketName?: string) => {
    const { logs } = synthesizeApp((app) => {
      const serverAccessLogsBucket = new AccessLogsBucket(stackOf(app, "logs"), "Logs");
      new DataLakeBucket(stackOf(app, "lake"), "Lake", { bucketName, serverAccessLogsBucket });
    });
    return logs?.statements("Logs_PolicyDocument").at(-1)?.condition;
  };
  const arn = (name: string) => [
    {
      test: "ArnLike",
      variable: "aws:SourceArn",
      values: [`arn:\${element(split(":", aws_s3_bucket.Logs.arn), 1)}:s3:::${name}`],
    },
  ];
  expect(source()).toEqual(arn("lake-lake-*"));
  expect(source("x-ray-images")).toEqual(arn("x-ray-images"));
});

test("a bucket of backups lets the erasing role of another stack delete, by its name", () => {
  const { backups } = synthesizeApp(everyStack);
  const conditions = (backups?.statements("Backups_PolicyDocument") ?? []).flatMap(({ sid, condition = [] }) =>
    (condition as { variable: string }[]).map((one) => ({ sid, ...one })),
  );
  const exempt = conditions.filter(({ variable }) => variable === "aws:PrincipalArn");
  const values = ["arn:*:iam::*:role/erase-erase-eu-central-1"];
  expect(exempt).toEqual([
    { sid: "DenyOverwrite", test: "ArnNotEquals", variable: "aws:PrincipalArn", values },
    { sid: "DenyDeletion", test: "ArnNotEquals", variable: "aws:PrincipalArn", values },
  ]);
});

test("without the calling construct, the rule belongs to the stack of the security group", () => {
  const { web, database } = synthesizeApp((app) => {
    const stack = stackOf(app, "database");
    const db = new MetadataDatabase(stack, "Db", { network: new DataLakeNetwork(stack, "Net") });
    const web = stackOf(app, "web");
    const group = (id: string) => new SecurityGroup(web, id, { name: db.jdbcUrl }).id;
    db.allowConnectionsFrom(group("One"), "web app");
    db.allowConnectionsFrom(group("Two"), "worker");
    expect(() => db.allowConnectionsFrom(group("Three"), "worker")).toThrow(
      'connections from "worker" are allowed twice',
    );
    db.allowConnectionsFrom("sg-1", "office");
  });
  expect(rules(web)).toEqual(["Ingress-database-db-web-app", "Ingress-database-db-worker"]);
  expect(rules(database)).toEqual(["Db_Ingress-office"]);
});
