import type { Construct } from "constructs";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import { VpcSecurityGroupEgressRule } from "@cdktf/provider-aws/lib/vpc-security-group-egress-rule";
import { terraformLiteral } from "../common/expression";
import { keepNames } from "../common/kept-name";
import { ec2Description, securityGroupName } from "../common/physical-name";
import type { IDataLakeNetwork } from "../network/data-lake-network";
import type { IMetadataDatabase } from "./metadata-database";

/** A client of the database in the network. */
interface DatabaseClientProps {
  /** The database, which lets the client in. */
  readonly database: IMetadataDatabase;
  /** The network, whose endpoints let the client in. */
  readonly network: IDataLakeNetwork;
  /** Kind of client, such as `Glue job`; it begins the descriptions of group and rules. */
  readonly kind: string;
}

/**
 * The security group of a client of the database. It lets out connections to the database's port, to S3 and to the
 * endpoints of AWS services alone; a network without endpoints has a way of its own to AWS, and the group lets out HTTPS.
 */
export function addDatabaseClientGroup(
  scope: Construct,
  { database, network, kind }: DatabaseClientProps,
): SecurityGroup {
  const description = ec2Description(kind, scope);
  const group = new SecurityGroup(scope, "SecurityGroup", {
    vpcId: network.vpcId,
    name: securityGroupName(scope),
    description: terraformLiteral(description),
  });
  keepNames(group, "name", "description");
  const securityGroupId = group.id;
  const tcp = { securityGroupId, ipProtocol: "tcp" };
  const https = { ...tcp, fromPort: 443, toPort: 443 };
  new VpcSecurityGroupEgressRule(scope, "DatabaseEgress", {
    ...tcp,
    referencedSecurityGroupId: database.securityGroupId,
    fromPort: database.port,
    toPort: database.port,
    description: "Metadata database",
  });
  if (network.endpoints) {
    new VpcSecurityGroupEgressRule(scope, "S3Egress", {
      ...https,
      prefixListId: network.endpoints.s3PrefixListId,
      description: "S3",
    });
    new VpcSecurityGroupEgressRule(scope, "EndpointsEgress", {
      ...https,
      referencedSecurityGroupId: network.endpoints.securityGroupId,
      description: "AWS services",
    });
    network.endpoints.allowFrom(securityGroupId, description, scope);
  } else {
    new VpcSecurityGroupEgressRule(scope, "HttpsEgress", {
      ...https,
      cidrIpv4: "0.0.0.0/0",
      description: "AWS services, by the network's own way",
    });
  }
  database.allowConnectionsFrom(securityGroupId, description, scope);
  return group;
}
