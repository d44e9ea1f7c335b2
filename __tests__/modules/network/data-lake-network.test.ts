import { TerraformVariable } from "cdktf";
import { DataLakeNetwork } from "../../../src/modules/network/data-lake-network";
import { VpcEndpoints } from "../../../src/modules/network/vpc-endpoints";
import { refusal, synthesize } from "../../support/synth";

const subnet = (id: string, availabilityZone: string) => ({ id, availabilityZone, routeTableId: `rtb-${id}` });

describe("DataLakeNetwork", () => {
  const stack = synthesize((scope) => void new DataLakeNetwork(scope, "Net"));

  it("makes a VPC with names for its endpoints and a default group that lets nothing through", () => {
    expect(stack.resource("aws_vpc")).toEqual({
      cidr_block: "10.0.0.0/16",
      enable_dns_hostnames: true,
      enable_dns_support: true,
      tags: { Name: "test/Net" },
    });
    expect(stack.resource("aws_default_security_group")).toEqual({ vpc_id: "${aws_vpc.Net.id}" });
    // Closed once the subnets have an ACL of their own.
    expect(stack.resource("aws_default_network_acl")).toEqual({
      default_network_acl_id: "${aws_vpc.Net.default_network_acl_id}",
      lifecycle: { ignore_changes: ["subnet_ids"] },
      depends_on: ["aws_network_acl.Net_NetworkAcl"],
    });
    const acl = stack.resource("aws_network_acl") as Record<"egress" | "ingress", Record<string, unknown>[]>;
    expect(acl).toMatchObject({
      subnet_ids: ["${aws_subnet.Net_PrivateSubnet1.id}", "${aws_subnet.Net_PrivateSubnet2.id}"],
    });
    // Everything within the VPC; beyond it no UDP and, but for HTTPS out, no port below 1024.
    const beyond = (rules: Record<string, unknown>[]) =>
      rules.filter((rule) => rule["cidr_block"] !== "${aws_vpc.Net.cidr_block}");
    expect(beyond(acl.ingress).map((rule) => [rule["protocol"], rule["from_port"], rule["to_port"]])).toEqual([
      ["tcp", 1024, 65_535],
    ]);
    expect(beyond(acl.egress).map((rule) => [rule["protocol"], rule["from_port"], rule["to_port"]])).toEqual([
      ["tcp", 1024, 65_535],
      ["tcp", 443, 443],
    ]);
  });

  it("makes two private subnets in two zones, without a way to the internet", () => {
    expect(stack.resource("aws_subnet", "Net_PrivateSubnet2")).toEqual({
      vpc_id: "${aws_vpc.Net.id}",
      availability_zone: '${element(split(".", data.aws_region.Net_Region.endpoint), 1)}b',
      cidr_block: "${cidrsubnet(aws_vpc.Net.cidr_block, 4, 1)}",
      map_public_ip_on_launch: false,
      tags: { Name: "test/Net private" },
    });
    expect(stack.ids("aws_subnet")).toEqual(["Net_PrivateSubnet1", "Net_PrivateSubnet2"]);
    expect(stack.ids("aws_route")).toEqual([]);
    expect(stack.ids("aws_internet_gateway")).toEqual([]);
  });

  it("reaches S3 by the route table, and the other services in the first subnet only", () => {
    expect(stack.resource("aws_vpc_endpoint", "Net_Endpoints_s3")).toEqual({
      vpc_id: "${aws_vpc.Net.id}",
      service_name: 'com.amazonaws.${element(split(".", data.aws_region.Net_Endpoints_Region.endpoint), 1)}.s3',
      vpc_endpoint_type: "Gateway",
      policy: "${data.aws_iam_policy_document.Net_Endpoints_S3Policy.json}",
      route_table_ids: ["${aws_route_table.Net_PrivateRouteTable.id}"],
    });
    expect(stack.ids("aws_vpc_endpoint").map((id) => id.replace("Net_Endpoints_", ""))).toEqual([
      "glue",
      "kms",
      "logs",
      "monitoring",
      "s3",
      "secretsmanager",
      "sts",
    ]);
    expect(stack.resource("aws_vpc_endpoint", "Net_Endpoints_secretsmanager")).toEqual({
      vpc_id: "${aws_vpc.Net.id}",
      service_name:
        'com.amazonaws.${element(split(".", data.aws_region.Net_Endpoints_Region.endpoint), 1)}.secretsmanager',
      vpc_endpoint_type: "Interface",
      private_dns_enabled: true,
      subnet_ids: ["${aws_subnet.Net_PrivateSubnet1.id}"],
      security_group_ids: ["${aws_security_group.Net_Endpoints_SecurityGroup.id}"],
      policy: "${data.aws_iam_policy_document.Net_Endpoints_Policy.json}",
    });
  });

  it("records connections where it is asked to, by a role that only flow logs of this account may assume", () => {
    expect(stack.ids("aws_flow_log")).toEqual([]);
    const logged = synthesize((scope) => void new DataLakeNetwork(scope, "Net", { flowLogs: {} }));
    expect(logged.resource("aws_flow_log")).toMatchObject({
      vpc_id: "${aws_vpc.Net.id}",
      traffic_type: "ALL",
      iam_role_arn: "${aws_iam_role.Net_FlowLogsRole.arn}",
    });
    expect(logged.resource("aws_cloudwatch_log_group", "Net_flow-log-group")).toMatchObject({ retention_in_days: 90 });
    const part = (index: number): string => `\${element(split(":", aws_vpc.Net.arn), ${index})}`;
    const [trust] = logged.statements("Net_FlowLogsRole_Trust");
    expect(trust).toMatchObject({
      principals: [{ type: "Service", identifiers: ["vpc-flow-logs.amazonaws.com"] }],
      condition: [
        { test: "StringEquals", variable: "aws:SourceAccount", values: [part(4)] },
        {
          test: "ArnLike",
          variable: "aws:SourceArn",
          values: [`arn:${part(1)}:ec2:${part(3)}:${part(4)}:vpc-flow-log/*`],
        },
      ],
    });
    expect(logged.statements("Net_FlowLogsRole_Policy")[0]?.resources).not.toContain("*");
  });

  it("refuses a retention of flow logs that CloudWatch Logs does not know", () => {
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net", { flowLogs: { retentionDays: 100 } }))).toContain(
      "logRetentionDays must be one of",
    );
  });

  it("makes public subnets with a way to the internet when asked", () => {
    const open = synthesize((scope) => {
      const network = new DataLakeNetwork(scope, "Net", { publicSubnets: true, availabilityZones: ["eu-1a", "eu-1c"] });
      expect(network.publicSubnets.map(({ availabilityZone }) => availabilityZone)).toEqual(["eu-1a", "eu-1c"]);
    });
    expect(open.resource("aws_route")).toEqual({
      route_table_id: "${aws_route_table.Net_PublicRouteTable.id}",
      destination_cidr_block: "0.0.0.0/0",
      gateway_id: "${aws_internet_gateway.Net_InternetGateway.id}",
    });
    expect(open.resource("aws_subnet", "Net_PublicSubnet1")).toMatchObject({
      cidr_block: "${cidrsubnet(aws_vpc.Net.cidr_block, 4, 2)}",
      map_public_ip_on_launch: false,
    });
    expect(open.resource("aws_route_table_association", "Net_PublicRouteTableAssociation2")).toEqual({
      subnet_id: "${aws_subnet.Net_PublicSubnet2.id}",
      route_table_id: "${aws_route_table.Net_PublicRouteTable.id}",
    });
  });

  it("gives the private subnets a route to each network of internetCidrs and to no other", () => {
    const internetCidrs = ["203.0.113.7/32", "198.51.100.0/24"];
    const narrow = synthesize((scope) => {
      const network = new DataLakeNetwork(scope, "Net", { internetCidrs });
      expect(network.publicSubnets).toEqual(network.subnets);
      expect(network.internetGateway).toBeDefined();
    });
    expect(narrow.ids("aws_route").map((id) => narrow.resource("aws_route", id))).toEqual(
      ["198.51.100.0/24", "203.0.113.7/32"].map((destination_cidr_block) => ({
        route_table_id: "${aws_route_table.Net_PrivateRouteTable.id}",
        destination_cidr_block,
        gateway_id: "${aws_internet_gateway.Net_InternetGateway.id}",
      })),
    );
    expect(narrow.ids("aws_subnet")).toEqual(["Net_PrivateSubnet1", "Net_PrivateSubnet2"]);
  });

  it("makes no gateway for an empty list of internetCidrs", () => {
    const closed = synthesize((scope) => {
      expect(new DataLakeNetwork(scope, "Net", { internetCidrs: [] }).publicSubnets).toEqual([]);
    });
    expect(closed.ids("aws_internet_gateway")).toEqual([]);
  });

  it.each([
    ["everybody", "0.0.0.0/0"],
    ["a network larger than /24", "203.0.112.0/23"],
    ["bits behind the mask", "203.0.113.7/24"],
    ["an address without a mask", "203.0.113.7"],
    ["two masks", "203.0.113.7/32/32"],
    ["a private network", "10.1.2.0/24"],
    ["a carrier's network", "100.64.1.0/24"],
    ["the loopback interface", "127.0.0.1/32"],
    ["a multicast group", "224.0.0.1/32"],
    ["IPv6", "2001:db8::1/32"],
    ["a host", "example.org/32"],
    ["a number", 5],
    ["nothing", null],
  ])("refuses %s in internetCidrs", (_, value) => {
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net", { internetCidrs: [value as string] }))).toBe(
      "test/Net: internetCidrs must be a public IPv4 network from /24 to /32, such as your own address " +
        `203.0.113.7/32, got ${JSON.stringify(value)}`,
    );
  });

  it("refuses internetCidrs that are no list", () => {
    const internetCidrs = "203.0.113.7/32" as unknown as string[];
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net", { internetCidrs }))).toBe(
      'test/Net: internetCidrs must be a list that is known at synth, got "203.0.113.7/32"',
    );
  });

  it("refuses internetCidrs together with public subnets", () => {
    const props = { internetCidrs: ["203.0.113.7/32"], publicSubnets: true };
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net", props))).toBe(
      "test/Net: internetCidrs must be left out with publicSubnets, got 203.0.113.7/32: public subnets have a route to all",
    );
  });

  it("takes a token for the network", () => {
    const named = synthesize((scope) => {
      const cidr = new TerraformVariable(scope, "cidr", { type: "string" }).stringValue;
      new DataLakeNetwork(scope, "Net", { cidr });
    });
    expect(named.resource("aws_vpc").cidr_block).toBe("${var.cidr}");
  });

  it.each(["10.0.0.0/15", "10.0.0.0/25", "10.0.0.0", "10.0.1.0/16", "10.0.0/16", "fd00::/16"])(
    "refuses the network %s",
    (cidr) => {
      expect(refusal((scope) => new DataLakeNetwork(scope, "Net", { cidr }))).toBe(
        `test/Net: cidr must be an IPv4 network such as 10.0.0.0/16 with a mask from /16 to /24, got "${cidr}"`,
      );
    },
  );

  it("refuses zones of another region, also where the provider is made later", () => {
    const availabilityZones = ["us-east-1a", "us-east-1b"];
    const message = `test/Net: availability zones must be of the provider's region eu-central-1, got "us-east-1a"`;
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net", { availabilityZones }))).toBe(message);
    const subnets = [subnet("subnet-a", "eu-central-1a"), subnet("subnet-b", "us-east-1b")];
    expect(refusal((scope) => DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets }))).toBe(
      message.replace("us-east-1a", "us-east-1b"),
    );
  });

  it.each([
    ["10.20.0.0/16", 0],
    ["172.31.0.0/16", 0],
    ["192.168.0.0/16", 0],
    ["100.64.0.0/16", 0],
    ["172.32.0.0/16", 1],
    ["11.0.0.0/16", 1],
    ["192.169.0.0/24", 1],
  ])("warns of a network that is not private (%s: %i)", (cidr, count) => {
    const { warnings } = synthesize((scope) => void new DataLakeNetwork(scope, "Net", { cidr }));
    expect(warnings.filter((text) => text.includes(`cidr ${cidr} is not private (RFC 1918)`))).toHaveLength(count);
  });

  it.each([[[]], [["a"]], [["a", "a"]], [["a", "b", "c"]]])("refuses the zones %j", (availabilityZones) => {
    expect(refusal((scope) => new DataLakeNetwork(scope, "Net", { availabilityZones }))).toBe(
      `test/Net: availabilityZones must be two different zones, got ${availabilityZones.join(", ") || "none"}`,
    );
  });
});

describe("fromExisting", () => {
  const subnets = [subnet("subnet-1", "eu-1a"), subnet("subnet-2", "eu-1b")];

  it("makes nothing unless asked", () => {
    const stack = synthesize((scope) => {
      const network = DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets });
      expect(network).toMatchObject({ vpcId: "vpc-1", subnets, publicSubnets: [], endpoints: undefined });
    });
    expect(stack.addresses()).toEqual([]);
  });

  it("makes the endpoints in it, with both route tables on the way to S3", () => {
    const stack = synthesize((scope) => {
      DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets, createEndpoints: true });
    });
    expect(stack.resource("aws_vpc_endpoint", "Net_Endpoints_s3").route_table_ids).toEqual([
      "rtb-subnet-1",
      "rtb-subnet-2",
    ]);
    expect(stack.resource("aws_vpc_endpoint", "Net_Endpoints_kms").subnet_ids).toEqual(["subnet-1"]);
  });

  it.each([
    ["my-network", subnets, 'vpcId must be an id such as vpc-0123456789abcdef0, got "my-network"'],
    [
      "vpc-1",
      [{ ...subnet("subnet-1", "eu-1a"), id: "arn:aws:ec2:eu-1:1:subnet/subnet-1" }, subnet("subnet-2", "eu-1b")],
      'the id of a subnet must be an id such as subnet-0123456789abcdef0, got "arn:aws:ec2:eu-1:1:subnet/subnet-1"',
    ],
    [
      "vpc-1",
      [{ ...subnet("subnet-1", "eu-1a"), routeTableId: "main" }, subnet("subnet-2", "eu-1b")],
      'routeTableId of subnet-1 must be an id such as rtb-0123456789abcdef0, got "main"',
    ],
  ])("refuses names and ARNs in the place of ids (%s)", (vpcId, given, message) => {
    expect(refusal((scope) => DataLakeNetwork.fromExisting(scope, "Net", { vpcId, subnets: given }))).toBe(
      `test/Net: ${message}`,
    );
  });

  it("refuses subnets in one zone", () => {
    expect(
      refusal((scope) => {
        DataLakeNetwork.fromExisting(scope, "Net", { vpcId: "vpc-1", subnets: subnets.slice(0, 1) });
      }),
    ).toBe("test/Net: subnets must be in two zones at least, as RDS asks for, got eu-1a");
  });
});

describe("VpcEndpoints", () => {
  it("lets a security group in by HTTPS, each by its own description", () => {
    const build = (descriptions: string[]) =>
      synthesize((scope) => {
        const endpoints = new VpcEndpoints(scope, "Ways", { vpcId: "vpc-1", subnets: [subnet("subnet-1", "a")] });
        for (const description of descriptions) endpoints.allowFrom("sg-1", description);
      });
    expect(build(["job"]).resource("aws_vpc_security_group_ingress_rule")).toEqual({
      security_group_id: "${aws_security_group.Ways_SecurityGroup.id}",
      referenced_security_group_id: "sg-1",
      ip_protocol: "tcp",
      from_port: 443,
      to_port: 443,
      description: "job",
    });
    expect(() => build(["job", "job"])).toThrow(
      'test/Ways: connections from "job" are allowed twice: give each source its own description',
    );
  });
});
