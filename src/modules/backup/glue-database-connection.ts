import { Construct } from "constructs";
import { GlueConnection } from "@cdktf/provider-aws/lib/glue-connection";
import type { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import { VpcSecurityGroupEgressRule } from "@cdktf/provider-aws/lib/vpc-security-group-egress-rule";
import { VpcSecurityGroupIngressRule } from "@cdktf/provider-aws/lib/vpc-security-group-ingress-rule";
import { arnScope } from "../common/expression";
import { addDatabaseClientGroup } from "../database/database-client-group";
import type { IDatabaseSecret } from "../database/database-secret";
import type { IDataLakeNetwork } from "../network/data-lake-network";
import type { DataLakeSubnet } from "../network/data-lake-subnet";
import type { IMetadataDatabase } from "../database/metadata-database";
import { keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import type { IRole } from "../common/role";
import { ValidationError } from "../common/validation-error";

/** Properties of {@link GlueDatabaseConnection}. */
export interface GlueDatabaseConnectionProps {
  /** The database to connect to; it is told to let the connection in. */
  readonly database: IMetadataDatabase;
  /** Network of Glue's interfaces, which are in its first private subnet, beside the endpoints. */
  readonly network: IDataLakeNetwork;
  /** Log-in of the database user. */
  readonly secret: IDatabaseSecret;
}

/**
 * A Glue connection to the database, over TLS, with the secret by name, and the security group of the network interfaces
 * that Glue makes for it.
 *
 * @see https://docs.aws.amazon.com/glue/latest/dg/setup-vpc-for-glue-access.html
 */
export class GlueDatabaseConnection extends Construct {
  /** The generated resource, for what this construct does not model. */
  readonly resource: GlueConnection;
  /** The connection's name. */
  readonly connectionName: string;

  private readonly subnet: DataLakeSubnet;
  private readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: GlueDatabaseConnectionProps) {
    super(scope, id);
    const { database, network, secret } = props;
    const [subnet] = network.subnets;
    if (!subnet) throw new ValidationError(this, "network must have a private subnet, got none");
    this.subnet = subnet;
    this.securityGroup = this.addSecurityGroup(database, network);
    this.resource = new GlueConnection(this, "Resource", {
      name: physicalName(this, 255),
      connectionType: "JDBC",
      connectionProperties: {
        JDBC_CONNECTION_URL: database.jdbcUrl,
        JDBC_ENFORCE_SSL: "true",
        SECRET_ID: secret.secretArn,
      },
      physicalConnectionRequirements: {
        // Glue looks for the subnet in this zone only: any other fails when the job runs.
        availabilityZone: subnet.availabilityZone,
        subnetId: subnet.id,
        securityGroupIdList: [this.securityGroup.id],
      },
    });
    keepNames(this.resource, "name");
    this.connectionName = this.resource.name;
  }

  /** Lets a job's role read the connection and make the network interfaces that it stands for. */
  grantUse(role: IRole): void {
    const { partition, region, account } = arnScope(this.resource.arn);
    const glue = `arn:${partition}:glue:${region}:${account}`;
    const ec2 = `arn:${partition}:ec2:${region}:${account}`;
    const networkInterfaces = `${ec2}:network-interface/*`;
    role.addToPolicy({ actions: ["glue:GetConnection"], resources: [`${glue}:catalog`, this.resource.arn] });
    role.addToPolicy({
      actions: ["ec2:CreateNetworkInterface"],
      resources: [`${ec2}:subnet/${this.subnet.id}`, this.securityGroup.arn, networkInterfaces],
    });
    role.addToPolicy({
      actions: ["ec2:DeleteNetworkInterface"],
      resources: [networkInterfaces],
      conditions: [{ test: "ArnEquals", variable: "ec2:Subnet", values: [`${ec2}:subnet/${this.subnet.id}`] }],
    });
    // Glue marks its network interfaces with this one tag, to find them again.
    role.addToPolicy({
      actions: ["ec2:CreateTags", "ec2:DeleteTags"],
      resources: [networkInterfaces],
      conditions: [
        { test: "ForAllValues:StringEquals", variable: "aws:TagKeys", values: ["aws-glue-service-resource"] },
        // Without it a request that names no tag fulfils the condition above.
        { test: "Null", variable: "aws:TagKeys", values: ["false"] },
      ],
    });
    // EC2 knows no narrower resource for these: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    role.addToPolicy({
      actions: [
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcEndpoints",
      ],
      resources: ["*"],
    });
  }

  private addSecurityGroup(database: IMetadataDatabase, network: IDataLakeNetwork): SecurityGroup {
    const group = addDatabaseClientGroup(this, { database, network, kind: "Glue job" });
    const securityGroupId = group.id;
    const self = {
      securityGroupId,
      referencedSecurityGroupId: securityGroupId,
      ipProtocol: "tcp",
      fromPort: 0,
      toPort: 65_535,
      description: "Spark driver and workers",
    };
    // The driver and the workers of a Spark job talk to each other on ports of their own choice.
    new VpcSecurityGroupIngressRule(this, "SelfIngress", self);
    new VpcSecurityGroupEgressRule(this, "SelfEgress", self);
    return group;
  }
}
