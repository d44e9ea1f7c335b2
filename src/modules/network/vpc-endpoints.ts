import { Construct } from "constructs";
import { DataAwsRegion } from "@cdktf/provider-aws/lib/data-aws-region";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import { VpcEndpoint } from "@cdktf/provider-aws/lib/vpc-endpoint";
import type { DataLakeSubnet } from "./data-lake-subnet";
import { addIngressRule } from "./ingress-rule";
import { keepNames } from "../common/kept-name";
import { securityGroupName } from "../common/physical-name";

/** Properties of {@link VpcEndpoints}. */
export interface VpcEndpointsProps {
  /** The VPC. */
  readonly vpcId: string;
  /**
   * The subnets whose route tables get the way to S3. The interface endpoints are in the first one only: they are billed
   * by zone and hour, and are reached from all zones.
   */
  readonly subnets: DataLakeSubnet[];
}

/**
 * Services that a Glue job with a JDBC connection calls, for a network without a route to the internet.
 *
 * @see https://docs.aws.amazon.com/glue/latest/dg/vpc-interface-endpoints.html
 */
const INTERFACE_SERVICES = ["glue", "kms", "logs", "monitoring", "secretsmanager", "sts"];

/** Private ways to AWS services: a gateway for S3, which is free, and one network interface for each other service. */
export class VpcEndpoints extends Construct {
  /** The addresses of S3, for rules of security groups. */
  readonly s3PrefixListId: string;
  /** The security group of the interface endpoints. */
  readonly securityGroupId: string;

  private readonly region: string;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: VpcEndpointsProps,
  ) {
    super(scope, id);
    const { vpcId, subnets } = props;
    this.region = new DataAwsRegion(this, "Region").name;

    this.s3PrefixListId = new VpcEndpoint(this, "s3", {
      vpcId,
      serviceName: this.serviceName("s3"),
      vpcEndpointType: "Gateway",
      routeTableIds: [...new Set(subnets.map((subnet) => subnet.routeTableId))],
    }).prefixListId;

    const securityGroup = new SecurityGroup(this, "SecurityGroup", {
      vpcId,
      name: securityGroupName(this),
      description: "Interface endpoints of AWS services",
    });
    keepNames(securityGroup, "name");
    this.securityGroupId = securityGroup.id;
    for (const service of INTERFACE_SERVICES) this.addInterface(service);
  }

  /** Makes the interface endpoint of one more service, such as `ssm`; adding a service again changes nothing. */
  addInterface(service: string): void {
    if (this.node.tryFindChild(service)) return;
    const { vpcId, subnets } = this.props;
    new VpcEndpoint(this, service, {
      vpcId,
      serviceName: this.serviceName(service),
      vpcEndpointType: "Interface",
      privateDnsEnabled: true,
      subnetIds: subnets.slice(0, 1).map((subnet) => subnet.id),
      securityGroupIds: [this.securityGroupId],
    });
  }

  /**
   * Lets what is in a security group call the services; the description tells the rules apart.
   * @param caller the construct that calls, which has the rule where it is of another stack
   */
  allowFrom(securityGroupId: string, description: string, caller?: Construct): void {
    addIngressRule(this, {
      caller,
      securityGroupId: this.securityGroupId,
      port: 443,
      description,
      referencedSecurityGroupId: securityGroupId,
    });
  }

  private serviceName(service: string): string {
    return `com.amazonaws.${this.region}.${service}`;
  }
}
