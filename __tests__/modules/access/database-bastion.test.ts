import { type TerraformStack, TerraformVariable } from "cdktf";
import {
  DataLakeKey,
  DataLakeNetwork,
  DatabaseBastion,
  type DatabaseBastionProps,
  MetadataDatabase,
  Role,
} from "../../../src";
import { refusal, synthesize } from "../../support/synth";

function addBastion(scope: TerraformStack, props: Partial<DatabaseBastionProps> = {}): DatabaseBastion {
  const encryptionKey = new DataLakeKey(scope, "Key");
  const network = props.network ?? new DataLakeNetwork(scope, "Net");
  const database = new MetadataDatabase(scope, "Database", { network, encryptionKey });
  return new DatabaseBastion(scope, "Bastion", { database, network, encryptionKey, ...props });
}
const stack = synthesize((scope) => {
  addBastion(scope).grantConnect(Role.fromRoleName(scope, "Developer", "developer"));
});
const instance = stack.resource("aws_instance");

describe("the instance", () => {
  it("has no public address, no key pair, and a private subnet", () => {
    expect(instance).toMatchObject({
      associate_public_ip_address: false,
      subnet_id: "${aws_subnet.Net_PrivateSubnet1.id}",
      vpc_security_group_ids: ["${aws_security_group.Bastion_SecurityGroup.id}"],
    });
    expect(instance).not.toHaveProperty("key_name");
  });

  it("asks for tokens of IMDSv2 that no container can use, and encrypts its disk with the key", () => {
    expect(instance.metadata_options).toEqual({
      http_endpoint: "enabled",
      http_tokens: "required",
      http_put_response_hop_limit: 1,
    });
    expect(instance.root_block_device).toEqual({
      encrypted: true,
      kms_key_id: expect.stringContaining("aws_kms_key_policy.Key_Policy.key_id") as unknown,
      volume_type: "gp3",
      volume_size: 8,
    });
  });

  it("upgrades itself at each start and stops its SSH server", () => {
    const [first, json = ""] = String(instance.user_data).split("\n");
    const { write_files: files, runcmd } = JSON.parse(json) as {
      write_files: { path: string; content: string }[];
      runcmd: string[][];
    };
    expect(first).toBe("#cloud-config");
    expect(files[0]?.content).toContain("\nExecStart=/usr/bin/dnf --assumeyes --releasever=latest upgrade\n");
    expect(files[0]?.content).toContain("\nWantedBy=multi-user.target\n");
    const commands = runcmd.map((words) => words.join(" "));
    expect(commands).toContain("systemctl disable --now sshd.service");
    expect(commands).toContain("systemctl enable --now --no-block upgrade-at-start.service");
    expect(instance.user_data_replace_on_change).toBe(true);
  });

  it.each([
    ["t4g.nano", "arm64"],
    ["m7gd.medium", "arm64"],
    ["im4gn.large", "arm64"],
    ["t3.nano", "x86_64"],
    ["g4dn.xlarge", "x86_64"],
  ])("%s gets the current Amazon Linux 2023 for %s", (instanceType, architecture) => {
    const { text } = synthesize((scope) => void addBastion(scope, { instanceType }));
    const { data } = JSON.parse(text) as { data: { aws_ssm_parameter: Record<string, { name: string }> } };
    expect(Object.values(data.aws_ssm_parameter)[0]?.name).toBe(
      `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${architecture}`,
    );
  });

  it("is a t4g.nano with the image of that parameter", () => {
    expect(instance).toMatchObject({
      instance_type: "t4g.nano",
      ami: "${data.aws_ssm_parameter.Bastion_Image.insecure_value}",
    });
  });
});

describe("its ways", () => {
  const rules = (direction: string) =>
    stack
      .ids(`aws_vpc_security_group_${direction}_rule`)
      .map((id) => stack.resource(`aws_vpc_security_group_${direction}_rule`, id));

  it("lead to the database's port, to the endpoints and to S3, and nowhere else", () => {
    const group = "${aws_security_group.Bastion_SecurityGroup.id}";
    const out = rules("egress").map(({ description, from_port, to_port, cidr_ipv4, security_group_id }) => {
      expect([security_group_id, cidr_ipv4]).toEqual([group, undefined]);
      return `${String(description)}: ${String(from_port)}-${String(to_port)}`;
    });
    expect(out.sort()).toEqual(["AWS services: 443-443", "Metadata database: 3306-3306", "S3: 443-443"]);
  });

  it("and nothing leads in", () => {
    const into = rules("ingress").map(({ security_group_id, from_port }) => [security_group_id, from_port]);
    expect(into).toEqual([
      ["${aws_security_group.Database_SecurityGroup.id}", 3306],
      ["${aws_security_group.Net_Endpoints_SecurityGroup.id}", 443],
    ]);
  });

  it("need two more endpoints, once for two bastions", () => {
    const two = synthesize((scope) => {
      const network = new DataLakeNetwork(scope, "Net");
      const database = new MetadataDatabase(scope, "Database", { network });
      for (const id of ["One", "Two"]) new DatabaseBastion(scope, id, { database, network });
    });
    const services = two.ids("aws_vpc_endpoint").map((id) => id.replace("Net_Endpoints_", ""));
    expect(services).toEqual([
      "glue",
      "kms",
      "logs",
      "monitoring",
      "s3",
      "secretsmanager",
      "ssm",
      "ssmmessages",
      "sts",
    ]);
  });

  it("lead to AWS by the network's own way where it has no endpoints", () => {
    const shared = synthesize((scope) => {
      const subnets = ["a", "b"].map((zone) => ({
        id: `subnet-${zone}`,
        availabilityZone: `eu-central-1${zone}`,
        routeTableId: "rtb-1",
      }));
      addBastion(scope, { network: DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets }) });
    });
    expect(shared.ids("aws_vpc_endpoint")).toEqual([]);
    expect(shared.resource("aws_vpc_security_group_egress_rule", "Bastion_HttpsEgress")).toMatchObject({
      cidr_ipv4: "0.0.0.0/0",
      from_port: 443,
    });
  });
});

it("names host and port in the session's document, so that a caller cannot", () => {
  const { content, document_type } = stack.resource("aws_ssm_document");
  expect(document_type).toBe("Session");
  expect(content).toContain('"properties" = {"host" = aws_db_instance.Database.address, "portNumber" = "3306"');
  expect(content).toContain('"localPortNumber" = "{{ localPortNumber }}"');
  expect(String(content).match(/\{\{[^}]*\}\}/g)).toEqual(["{{ localPortNumber }}"]);
});

it("grants a session by this document on this instance, and the end of one's own sessions", () => {
  expect(stack.statements("Developer_Policy")).toEqual([
    {
      actions: ["ssm:StartSession"],
      resources: ["${aws_instance.Bastion.arn}", "${aws_ssm_document.Bastion_SessionDocument.arn}"],
      condition: [{ test: "BoolIfExists", variable: "ssm:SessionDocumentAccessCheck", values: ["true"] }],
    },
    {
      actions: ["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
      resources: [expect.stringMatching(/^arn:.*:session\/&\{aws:userid\}-\*$/)],
    },
  ]);
});

it.each(["large", "T4g.nano", ""])("refuses the instance type %j", (instanceType) => {
  expect(refusal((scope) => addBastion(scope, { instanceType }))).toBe(
    `test/Bastion: instanceType must be an EC2 instance type such as t4g.nano, got "${instanceType}"`,
  );
});

it("refuses an instance type that is not known at synth", () => {
  expect(
    refusal((scope) => {
      const instanceType = new TerraformVariable(scope, "type", { type: "string" }).stringValue;
      addBastion(scope, { instanceType });
    }),
  ).toBe("test/Bastion: instanceType must be known at synth: it chooses the image, got a token");
});
