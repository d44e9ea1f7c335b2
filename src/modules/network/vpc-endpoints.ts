import { Construct } from "constructs";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import { VpcEndpoint } from "@cdktf/provider-aws/lib/vpc-endpoint";
import type { DataLakeSubnet } from "./data-lake-subnet";
import { addIngressRule } from "./ingress-rule";
import { regionName } from "./region-name";
import { type ArnScope, arnScope } from "../common/expression";
import { keepNames } from "../common/kept-name";
import { securityGroupName } from "../common/physical-name";
import { PolicyDocument, type PolicyStatement } from "../common/policy-document";
import { ValidationError } from "../common/validation-error";

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

const ANYBODY = [{ type: "*", identifiers: ["*"] }];

/**
 * Private ways to AWS services: a gateway for S3, which is free, and one network interface for each other service. Their
 * policies let only principals of this account through, to resources of this account.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
 */
export class VpcEndpoints extends Construct {
  /** The addresses of S3, for rules of security groups. */
  readonly s3PrefixListId: string;
  /** The security group of the interface endpoints. */
  readonly securityGroupId: string;

  private readonly region: string;
  private readonly arnScope: ArnScope;
  private readonly s3Policy: PolicyDocument;
  /** Shared by all network interfaces. */
  private readonly policy: PolicyDocument;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: VpcEndpointsProps,
  ) {
    super(scope, id);
    const { vpcId, subnets } = props;
    this.region = regionName(this);

    const securityGroup = new SecurityGroup(this, "SecurityGroup", {
      vpcId,
      name: securityGroupName(this),
      description: "Interface endpoints of AWS services",
    });
    keepNames(securityGroup, "name");
    this.securityGroupId = securityGroup.id;
    this.arnScope = arnScope(securityGroup.arn);

    this.s3Policy = new PolicyDocument(this, "S3Policy", [this.ownAccount("StringEquals")]);
    this.s3PrefixListId = new VpcEndpoint(this, "s3", {
      vpcId,
      serviceName: this.serviceName("s3"),
      vpcEndpointType: "Gateway",
      routeTableIds: [...new Set(subnets.map((subnet) => subnet.routeTableId))],
      policy: this.s3Policy.json,
    }).prefixListId;

    // A request that names no resource, as PutMetricData, may come without the resource's account.
    this.policy = new PolicyDocument(this, "Policy", [this.ownAccount("StringEqualsIfExists")]);
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
      policy: this.policy.json,
    });
  }

  /**
   * Lets hosts read the packages of Amazon Linux 2023, which they ask S3 for without credentials.
   * @see https://github.com/aws-samples/data-perimeter-policy-examples/blob/main/service_owned_resources.md
   */
  allowAmazonLinuxPackages(): void {
    this.addToPolicy({
      sid: "AmazonLinuxPackages",
      actions: ["s3:GetObject"],
      resources: [`arn:${this.arnScope.partition}:s3:::al2023-repos-${this.region}-de612dc2/*`],
    });
  }

  /**
   * Lets further requests through, as those of other hosts in a VPC that was there before: the statement is added to the policy of
   * the endpoint for S3 where its actions are of S3, else to that of all others. Each one is also a way out for the jobs.
   * @param statement without `principals` it is for everybody, anonymous requests included
   */
  addToPolicy(statement: PolicyStatement): void {
    const ofS3 = statement.actions.filter((action) => action.startsWith("s3:")).length;
    if (ofS3 !== 0 && ofS3 !== statement.actions.length) {
      throw new ValidationError(
        this,
        `actions of one statement must be of S3 or of other services, got ${statement.actions.join(", ")}`,
      );
    }
    (ofS3 === 0 ? this.policy : this.s3Policy).add({ principals: ANYBODY, ...statement });
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

  /** Principals of this account to resources of this account; a resource's account is compared by `resourceTest`. */
  private ownAccount(resourceTest: string): PolicyStatement {
    const { account } = this.arnScope;
    return {
      sid: "OwnAccount",
      actions: ["*"],
      principals: ANYBODY,
      resources: ["*"],
      conditions: [
        { test: "StringEquals", variable: "aws:PrincipalAccount", values: [account] },
        { test: resourceTest, variable: "aws:ResourceAccount", values: [account] },
      ],
    };
  }

  private serviceName(service: string): string {
    return `com.amazonaws.${this.region}.${service}`;
  }
}
