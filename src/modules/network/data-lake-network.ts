import { Construct } from "constructs";
import { Annotations, Fn, propertyAccess, Token } from "cdktf";
import { DefaultSecurityGroup } from "@cdktf/provider-aws/lib/default-security-group";
import { InternetGateway } from "@cdktf/provider-aws/lib/internet-gateway";
import { Route } from "@cdktf/provider-aws/lib/route";
import { RouteTable } from "@cdktf/provider-aws/lib/route-table";
import { RouteTableAssociation } from "@cdktf/provider-aws/lib/route-table-association";
import { Subnet } from "@cdktf/provider-aws/lib/subnet";
import { Vpc } from "@cdktf/provider-aws/lib/vpc";
import { type AwsConstructProps, applyAwsProps, awsRegion } from "../common/aws-provider";
import { checkCidr, checkList, checkPattern, checkProps, checkPublicCidr, isPrivateNetwork } from "../common/checks";
import type { DataLakeSubnet } from "./data-lake-subnet";
import { addNetworkAcls } from "./network-acls";
import { pathText } from "../common/physical-name";
import { addFlowLogs, type FlowLogsProps } from "./flow-logs";
import { VpcEndpoints } from "./vpc-endpoints";
import { regionName } from "./region-name";
import { ValidationError } from "../common/validation-error";

/** The network of a data lake, made here or elsewhere. */
export interface IDataLakeNetwork {
  /** The VPC's id. */
  readonly vpcId: string;
  /** Private subnets in two zones at least; RDS asks for two. */
  readonly subnets: DataLakeSubnet[];
  /** Subnets with a way to the internet; empty where the network has none. */
  readonly publicSubnets: DataLakeSubnet[];
  /**
   * The internet gateway, without which RDS refuses a public address.
   * @default - none, or one that is not known
   */
  readonly internetGateway?: InternetGateway;
  /**
   * The endpoints of the AWS services that a Glue job calls.
   * @default - the network has another way to them, as by a NAT gateway
   */
  readonly endpoints?: VpcEndpoints;
}

/** Properties of {@link DataLakeNetwork}. */
export interface DataLakeNetworkProps extends AwsConstructProps {
  /**
   * The two zones; name them if the account has no zone a or b, as in ap-northeast-1 or us-west-1.
   * @default - zones a and b of the provider's region
   */
  readonly availabilityZones?: string[];
  /**
   * The VPC's IPv4 network, /16 to /24; each subnet gets a sixteenth of it.
   * @default "10.0.0.0/16"
   */
  readonly cidr?: string;
  /**
   * Records the VPC's connections, accepted and rejected; settings of the records, `{}` for the defaults.
   * @default - they are not recorded
   */
  readonly flowLogs?: FlowLogsProps;
  /**
   * IPv4 networks of the internet, /24 to /32, that the private subnets have a route to and from, for a database with
   * `publiclyAccessible` that nobody else reaches; the private subnets are then the public ones, too.
   * @default - none
   */
  readonly internetCidrs?: string[];
  /**
   * Adds two subnets with a route from and to the internet, for a database with `publiclyAccessible`.
   * @default false
   */
  readonly publicSubnets?: boolean;
}

/** A network that was made elsewhere. */
export interface ExistingNetworkProps extends AwsConstructProps {
  /** The VPC's id; its DNS support and DNS host names must be on. */
  readonly vpcId: string;
  /** Private subnets in two zones at least. */
  readonly subnets: DataLakeSubnet[];
  /**
   * Subnets with a way to the internet.
   * @default - none
   */
  readonly publicSubnets?: DataLakeSubnet[];
  /**
   * Makes the endpoints for S3 and for the services that a Glue job calls. Leave it off where the VPC has them
   * already or has a NAT gateway: a second endpoint of the same service is refused.
   * @default false
   */
  readonly createEndpoints?: boolean;
}

/**
 * A VPC without a way to the internet: two private subnets in two zones, and endpoints through which a Glue job reaches
 * S3, Secrets Manager, KMS, CloudWatch, STS and Glue itself.
 */
export class DataLakeNetwork extends Construct implements IDataLakeNetwork {
  /** Uses a VPC that is already there. */
  static fromExisting(scope: Construct, id: string, props: ExistingNetworkProps): IDataLakeNetwork {
    checkProps(scope, id, props);
    class Import extends Construct implements IDataLakeNetwork {
      readonly vpcId = props.vpcId;
      readonly subnets = checkSubnets(this, props.subnets);
      readonly publicSubnets = props.publicSubnets ?? [];
      readonly endpoints = props.createEndpoints
        ? new VpcEndpoints(this, "Endpoints", { vpcId: this.vpcId, subnets: this.subnets })
        : undefined;
    }
    const network = new Import(scope, id);
    applyAwsProps(network, props);
    checkList(network, "publicSubnets", props.publicSubnets);
    checkIds(network, props.vpcId, [...network.subnets, ...network.publicSubnets]);
    checkZones(
      network,
      [...network.subnets, ...network.publicSubnets].map(({ availabilityZone }) => availabilityZone),
    );
    return network;
  }

  /** The generated resource, for what this construct does not model. */
  readonly resource: Vpc;
  readonly vpcId: string;
  readonly subnets: DataLakeSubnet[];
  readonly publicSubnets: DataLakeSubnet[];
  readonly internetGateway?: InternetGateway;
  readonly endpoints: VpcEndpoints;

  constructor(scope: Construct, id: string, props: DataLakeNetworkProps = {}) {
    super(scope, id);
    applyAwsProps(this, props);
    const cidr = props.cidr ?? "10.0.0.0/16";
    checkCidr(this, "cidr", cidr, 16, 24);
    const zones = props.availabilityZones ? knownLength(props.availabilityZones) : this.firstTwoZones();
    if (zones.length !== 2 || zones[0] === zones[1]) {
      throw new ValidationError(
        this,
        `availabilityZones must be two different zones, got ${zones.join(", ") || "none"}`,
      );
    }

    checkZones(this, zones);
    const { internetCidrs = [] } = props;
    checkList(this, "internetCidrs", internetCidrs);
    for (const internetCidr of internetCidrs) checkPublicCidr(this, "internetCidrs", internetCidr);
    if (props.publicSubnets && internetCidrs.length > 0) {
      throw new ValidationError(
        this,
        `internetCidrs must be left out with publicSubnets, got ${internetCidrs.join(", ")}: public subnets have a route to all`,
      );
    }
    if (!Token.isUnresolved(cidr) && !isPrivateNetwork(cidr)) {
      Annotations.of(this).addWarning(
        `cidr ${cidr} is not private (RFC 1918): hosts of the internet that have these addresses cannot be reached`,
      );
    }

    this.resource = new Vpc(this, "Resource", {
      cidrBlock: cidr,
      // Both are asked for by private names of endpoints and by Glue connections.
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { Name: pathText(this) },
    });
    this.vpcId = this.resource.id;
    // Without rules: what is put into it by mistake reaches nothing and is reached by nothing.
    new DefaultSecurityGroup(this, "DefaultSecurityGroup", { vpcId: this.vpcId });

    if (props.flowLogs) addFlowLogs(this, this.resource, props.flowLogs);

    this.subnets = this.addSubnets("Private", zones, 0);
    if (props.publicSubnets) {
      this.publicSubnets = this.addSubnets("Public", zones, 2);
      this.internetGateway = this.addInternetGateway(this.publicSubnets, ["0.0.0.0/0"]);
    } else if (internetCidrs.length > 0) {
      this.publicSubnets = this.subnets;
      this.internetGateway = this.addInternetGateway(this.subnets, internetCidrs);
    } else {
      this.publicSubnets = [];
    }
    const all = new Set([...this.subnets, ...this.publicSubnets].map(({ id }) => id));
    addNetworkAcls(this, this.resource, [...all]);
    this.endpoints = new VpcEndpoints(this, "Endpoints", { vpcId: this.vpcId, subnets: this.subnets });
  }

  private firstTwoZones(): string[] {
    const region = regionName(this);
    return [`${region}a`, `${region}b`];
  }

  /** Two subnets that share a route table; `firstBlock` counts in sixteenths of the VPC's network. */
  private addSubnets(kind: string, zones: string[], firstBlock: number): DataLakeSubnet[] {
    const tags = { Name: `${pathText(this)} ${kind.toLowerCase()}` };
    const routeTableId = new RouteTable(this, `${kind}RouteTable`, { vpcId: this.vpcId, tags }).id;
    return zones.map((availabilityZone, index) => {
      const subnet = new Subnet(this, `${kind}Subnet${index + 1}`, {
        vpcId: this.vpcId,
        availabilityZone,
        cidrBlock: Fn.cidrsubnet(this.resource.cidrBlock, 4, firstBlock + index),
        mapPublicIpOnLaunch: false,
        tags,
      });
      new RouteTableAssociation(this, `${kind}RouteTableAssociation${index + 1}`, {
        subnetId: subnet.id,
        routeTableId,
      });
      return { id: subnet.id, availabilityZone, routeTableId };
    });
  }

  /** The gateway, with a route to each network from the one route table of the subnets. */
  private addInternetGateway(subnets: DataLakeSubnet[], cidrs: string[]): InternetGateway {
    const gateway = new InternetGateway(this, "InternetGateway", { vpcId: this.vpcId });
    for (const routeTableId of new Set(subnets.map((subnet) => subnet.routeTableId))) {
      for (const destinationCidrBlock of cidrs) {
        const suffix = destinationCidrBlock === "0.0.0.0/0" ? "" : `-${destinationCidrBlock.replace(/[./]/g, "-")}`;
        new Route(this, `InternetRoute${suffix}`, { routeTableId, destinationCidrBlock, gatewayId: gateway.id });
      }
    }
    return gateway;
  }
}

/** A list of Terraform's, such as a variable's, as its first two entries; Terraform refuses a shorter one. */
function knownLength(zones: string[]): string[] {
  return Token.isUnresolved(zones) ? [0, 1].map((index) => Token.asString(propertyAccess(zones, [index]))) : zones;
}

/** A name that begins with a region, as the zones of AWS have it; an emulator may have others. */
const ZONE = /^[a-z]{2}(-[a-z]+)+-\d/;

/** Throws for zones of another region than the provider's; at synth where the provider is made later. */
function checkZones(scope: Construct, zones: string[]): void {
  const faults = (): string[] => {
    const region = awsRegion(scope);
    const strange = zones.find((zone) => ZONE.test(zone) && !zone.startsWith(region ?? ""));
    return strange === undefined
      ? []
      : [`availability zones must be of the provider's region ${region}, got "${strange}"`];
  };
  for (const fault of faults()) throw new ValidationError(scope, fault);
  scope.node.addValidation({ validate: faults });
}

/** Throws for names and ARNs in the place of ids, which EC2 takes alone. */
function checkIds(scope: Construct, vpcId: string, subnets: DataLakeSubnet[]): void {
  const check = (prop: string, kind: string, id: string): void =>
    checkPattern(scope, prop, id, new RegExp(`^${kind}-[0-9A-Za-z-]+$`), `an id such as ${kind}-0123456789abcdef0`);
  check("vpcId", "vpc", vpcId);
  for (const { id, routeTableId } of subnets) {
    check("the id of a subnet", "subnet", id);
    check(`routeTableId of ${id}`, "rtb", routeTableId);
  }
}

function checkSubnets(scope: Construct, subnets: DataLakeSubnet[]): DataLakeSubnet[] {
  checkList(scope, "subnets", subnets);
  const zones = new Set(subnets.map((subnet) => subnet.availabilityZone));
  if (zones.size < 2) {
    throw new ValidationError(
      scope,
      `subnets must be in two zones at least, as RDS asks for, got ${[...zones].join(", ") || "none"}`,
    );
  }
  return subnets;
}
