import type { Construct } from "constructs";
import type { Vpc } from "@cdktf/provider-aws/lib/vpc";
import { DefaultNetworkAcl } from "@cdktf/provider-aws/lib/default-network-acl";
import { NetworkAcl } from "@cdktf/provider-aws/lib/network-acl";
import { pathText } from "../common/physical-name";

const ANYWHERE = "0.0.0.0/0";
/** Ports of databases, and those that replies come to: a network ACL keeps no state. */
const HIGH_PORTS = { protocol: "tcp", fromPort: 1024, toPort: 65_535 };

/**
 * The network ACL of the subnets: all inside the VPC; to and from elsewhere no UDP and no low port but HTTPS to services such as
 * S3. The VPC's default ACL gets no rules, so that a subnet that somebody adds without an ACL of its own is closed.
 */
export function addNetworkAcls(scope: Construct, vpc: Vpc, subnetIds: string[]): void {
  const inside = { ruleNo: 100, action: "allow", protocol: "-1", fromPort: 0, toPort: 0, cidrBlock: vpc.cidrBlock };
  const high = { ruleNo: 200, action: "allow", ...HIGH_PORTS, cidrBlock: ANYWHERE };
  const https = { ruleNo: 300, action: "allow", protocol: "tcp", fromPort: 443, toPort: 443, cidrBlock: ANYWHERE };
  const own = new NetworkAcl(scope, "NetworkAcl", {
    vpcId: vpc.id,
    subnetIds,
    ingress: [inside, high],
    egress: [inside, high, https],
    tags: { Name: pathText(scope) },
  });
  new DefaultNetworkAcl(scope, "DefaultNetworkAcl", {
    defaultNetworkAclId: vpc.defaultNetworkAclId,
    // Subnets of others that fall under it are theirs to move.
    lifecycle: { ignoreChanges: ["subnet_ids"] },
    // Our subnets have left it before it is closed.
    dependsOn: [own],
  });
}
