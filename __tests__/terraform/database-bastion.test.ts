import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { TerraformOutput, TerraformStack } from "cdktf";
import { LOCAL_REGION } from "../../local/environment/aws-clients";
import { type Emulator, startEmulator } from "../../local/servers/aws/emulator";
import { DataLakeKey, DataLakeNetwork, DatabaseBastion, MetadataDatabase, Role } from "../../src";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

/** The network that DEV_ADMIN_CIDR names. */
const ADMIN_CIDR = "203.0.113.7/32";
const DEVELOPER = "bastion-developer-eu-central-1";

class BastionStack extends TerraformStack {
  constructor(scope: ConstructorParameters<typeof TerraformStack>[0]) {
    super(scope, "bastion");
    new AwsProvider(this, "aws", { region: LOCAL_REGION });
    const encryptionKey = new DataLakeKey(this, "Key", { preventDestroy: false });
    // Both ways to the database, the tunnel and the short one, as the stacks of an environment give them.
    const network = new DataLakeNetwork(this, "Network", { internetCidrs: [ADMIN_CIDR] });
    const open = { publiclyAccessible: true, allowedCidrs: [ADMIN_CIDR] };
    const database = new MetadataDatabase(this, "Database", { ...open, network, encryptionKey });
    const bastion = new DatabaseBastion(this, "Bastion", { database, network, encryptionKey });
    const assumedBy = { type: "AWS", identifiers: ["123456789012"] };
    bastion.grantConnect(new Role(this, "Developer", { assumedBy }));
    new TerraformOutput(this, "database_tunnel", { value: bastion.tunnel, staticId: true });
  }
}

let emulator: Emulator;
let stack: StackFolder;
let tunnel: Record<"instance_id" | "document_name" | "region" | "host", string>;

beforeAll(async () => {
  emulator = await startEmulator();
  stack = new StackFolder("database-bastion", emulator.url);
  await stack.synthesize((app) => new BastionStack(app));
  await stack.plan();
  await stack.apply();
  tunnel = (await stack.outputs())["database_tunnel"] as typeof tunnel;
});
afterAll(() => emulator.stop());

// No second plan: the emulator gives each instance a public address and another security group, whatever it is told.
test("Terraform makes it", () => {
  expect(tunnel).toEqual({
    instance_id: expect.stringMatching(/^i-[0-9a-f]+$/) as unknown,
    document_name: "bastion-bastion",
    region: LOCAL_REGION,
    host: expect.stringContaining("bastion-database") as unknown,
    port: 3306,
  });
});

interface Resource {
  readonly type: string;
  readonly name: string;
  readonly values: Record<string, unknown>;
}

/** Resources of a type, as Terraform read them from the emulator. */
async function resources(type: string): Promise<Resource[]> {
  const state = JSON.parse(await stack.terraform("show", "-json")) as {
    values: { root_module: { resources: Resource[] } };
  };
  return state.values.root_module.resources.filter((resource) => resource.type === type);
}

test("the database is public for the one network: by a route, by a rule, and by its address", async () => {
  const routes = (await resources("aws_route")).map(({ values }) => values["destination_cidr_block"]);
  expect(routes).toEqual([ADMIN_CIDR]);
  const [gateway] = await resources("aws_internet_gateway");
  expect((await resources("aws_route"))[0]?.values["gateway_id"]).toBe(gateway?.values["id"]);
  const fromNetworks = (await resources("aws_vpc_security_group_ingress_rule"))
    .map(({ values }) => [values["cidr_ipv4"], values["from_port"], values["to_port"]])
    .filter(([cidr]) => cidr !== "" && cidr !== null);
  expect(fromNetworks).toEqual([[ADMIN_CIDR, 3306, 3306]]);
  expect((await resources("aws_db_instance"))[0]?.values["publicly_accessible"]).toBe(true);
});

test("the document that Systems Manager holds has host and port as constants", async () => {
  const [document] = await resources("aws_ssm_document");
  const { properties } = JSON.parse(String(document?.values["content"])) as { properties: unknown };
  expect(properties).toEqual({
    host: tunnel.host,
    portNumber: "3306",
    type: "LocalPortForwarding",
    localPortNumber: "{{ localPortNumber }}",
  });
});

// The emulator has no session manager: an evaluator of IAM policies judges the rights that its IAM holds.
describe("what grantConnect allows", () => {
  const account = "123456789012";
  const developer = `arn:aws:sts::${account}:assumed-role/${DEVELOPER}/anna`;

  async function judge(
    action: string,
    resource: string,
    contextVariables: Record<string, string> = { "ssm:SessionDocumentAccessCheck": "true" },
  ): Promise<string> {
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const iam = new IAMClient({ endpoint: emulator.url, region: LOCAL_REGION, credentials });
    const { PolicyNames: [name] = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName: DEVELOPER }));
    const { PolicyDocument = "" } = await iam.send(new GetRolePolicyCommand({ RoleName: DEVELOPER, PolicyName: name }));
    const policy = JSON.parse(decodeURIComponent(PolicyDocument)) as Record<string, unknown>;
    const result = await runSimulation(
      {
        identityPolicies: [{ name: "inline", policy }],
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        request: { action, principal: developer, resource: { resource, accountId: account }, contextVariables },
      },
      {},
    );
    if (result.resultType !== "single") throw new Error(JSON.stringify(result));
    return result.result.analysis.result;
  }
  const ec2 = (id: string) => `arn:aws:ec2:${LOCAL_REGION}:${account}:instance/${id}`;
  const ssm = (rest: string) => `arn:aws:ssm:${LOCAL_REGION}:${account}:${rest}`;

  test("a session on the bastion, with its document", async () => {
    expect(await judge("ssm:StartSession", ec2(tunnel.instance_id))).toBe("Allowed");
    expect(await judge("ssm:StartSession", ssm(`document/${tunnel.document_name}`))).toBe("Allowed");
  });

  test.each([
    ["another instance", () => ec2("i-0123456789abcdef0")],
    ["a document with a host of the caller's", () => ssm("document/AWS-StartPortForwardingSessionToRemoteHost")],
    ["SSH", () => ssm("document/AWS-StartSSHSession")],
    ["a shell", () => ssm("document/SSM-SessionManagerRunShell")],
  ])("not %s", async (_, resource) => expect(await judge("ssm:StartSession", resource())).toBe("ImplicitlyDenied"));

  test("not a session without a check of its document", async () => {
    const without = { "ssm:SessionDocumentAccessCheck": "false" };
    expect(await judge("ssm:StartSession", ec2(tunnel.instance_id), without)).toBe("ImplicitlyDenied");
  });

  test("the end of one's own sessions and of no other", async () => {
    const user = { "aws:userid": "AROAEXAMPLE:anna" };
    expect(await judge("ssm:TerminateSession", ssm("session/AROAEXAMPLE:anna-0a1b2c"), user)).toBe("Allowed");
    expect(await judge("ssm:TerminateSession", ssm("session/AROAEXAMPLE:otto-0a1b2c"), user)).toBe("ImplicitlyDenied");
  });

  test("no command on the instance", async () => {
    expect(await judge("ssm:SendCommand", ec2(tunnel.instance_id))).toBe("ImplicitlyDenied");
  });
});
