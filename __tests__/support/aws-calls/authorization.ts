import type { AwsCall } from "./aws-call";

/** What AWS asks a caller's policies about: an action on one resource. */
export interface AuthorizationRequest {
  readonly action: string;
  readonly resource: string;
  /** Keys of conditions and their values. */
  readonly context: Record<string, string>;
}

export const ACCOUNT = "123456789012";
const REGION = "eu-central-1";

/** Types of EC2's resources by the beginning of their ids. */
const EC2_TYPES: Record<string, string> = {
  i: "instance",
  igw: "internet-gateway",
  rtb: "route-table",
  sg: "security-group",
  sgr: "security-group-rule",
  subnet: "subnet",
  vpc: "vpc",
  vpce: "vpc-endpoint",
};
/** Resources that a call makes. */
const EC2_NEW: Record<string, string[]> = {
  AuthorizeSecurityGroupEgress: ["security-group-rule"],
  AuthorizeSecurityGroupIngress: ["security-group-rule"],
  CreateInternetGateway: ["internet-gateway"],
  CreateRouteTable: ["route-table"],
  CreateSecurityGroup: ["security-group"],
  CreateSubnet: ["subnet"],
  CreateVpc: ["vpc"],
  CreateVpcEndpoint: ["vpc-endpoint"],
  RunInstances: ["instance", "volume", "network-interface"],
};
/** Parameters that name no resource that AWS asks about: the target of a route, the group of a rule's source. */
const NOT_ASKED = /^(GatewayId|IpPermissions\.|SecurityGroupRuleId\.)/;

const arn = (service: string, rest: string): string => `arn:aws:${service}:${REGION}:${ACCOUNT}:${rest}`;
const iam = (rest: string): string => `arn:aws:iam::${ACCOUNT}:${rest}`;

/** Parameters of a service's API that name a resource, and its ARN; each that a call has is asked about. */
const BY_PARAMETER: Record<string, Record<string, (value: string, parameters: Record<string, unknown>) => string[]>> = {
  athena: {
    Name: (name) => [arn("athena", `workgroup/${name}`)],
    WorkGroup: (name) => [arn("athena", `workgroup/${name}`)],
    ResourceARN: (value) => [value],
  },
  cloudwatch: {
    AlarmName: (name) => [arn("cloudwatch", `alarm:${name}`)],
    "AlarmNames.member.1": (name) => [arn("cloudwatch", `alarm:${name}`)],
    ResourceARN: (value) => [value],
  },
  events: {
    Name: (name) => [arn("events", `rule/${name}`)],
    Rule: (name) => [arn("events", `rule/${name}`)],
    ResourceARN: (value) => [value],
  },
  iam: {
    InstanceProfileName: (name) => [iam(`instance-profile/${name}`)],
    RoleName: (name, { InstanceProfileName }) => (InstanceProfileName === undefined ? [iam(`role/${name}`)] : []),
    UserName: (name) => [iam(`user/${name}`)],
  },
  kms: {
    AliasName: (name) => [arn("kms", name)],
    KeyId: (id) => [arn("kms", `key/${id.split("/").at(-1)}`)],
    TargetKeyId: (id) => [arn("kms", `key/${id}`)],
  },
  logs: {
    logGroupName: (name) => [arn("logs", `log-group:${name}`)],
    resourceArn: (value) => [value],
  },
  rds: {
    // The provider asks by the resource's id, too, by a filter or in the name's place.
    DBInstanceIdentifier: (name) => (/^db-[0-9A-Z]{26}$/.test(name) ? [] : [arn("rds", `db:${name}`)]),
    DBParameterGroupName: (name) => [arn("rds", `pg:${name}`)],
    DBSubnetGroupName: (name) => [arn("rds", `subgrp:${name}`)],
    ResourceName: (value) => [value],
  },
  secretsmanager: {
    Name: (name) => [arn("secretsmanager", `secret:${name}-AbCdEf`)],
    SecretId: (value) => [value],
  },
  sns: {
    Name: (name) => [arn("sns", name)],
    TopicArn: (value) => [value],
    ResourceArn: (value) => [value],
    SubscriptionArn: (value) => [value.split(":").slice(0, -1).join(":")],
  },
  ssm: {
    Name: (name) => [name.startsWith("/") ? arn("ssm", `parameter${name}`) : arn("ssm", `document/${name}`)],
  },
};

/** Resources of a call to Glue, of which the catalog's have their parents. */
function glueResources(operation: string, parameters: Record<string, unknown>): string[] {
  const text = (key: string, of: unknown = parameters): string | undefined => (of as Record<string, string>)[key];
  const glue = (rest: string): string => arn("glue", rest);
  const kind = /(?:Create|Get|Update|Delete)(PartitionIndexes|Table|Database|Connection|Job|Trigger)$/.exec(
    operation,
  )?.[1];
  const input = parameters["DatabaseInput"] ?? parameters["ConnectionInput"] ?? parameters["TableInput"];
  const name =
    text("Name") ?? text("JobName") ?? text("ConnectionName") ?? text("TableName") ?? text("Name", input ?? {}) ?? "";
  if (kind === "Job" || kind === "Trigger") return [glue(`${kind.toLowerCase()}/${name}`)];
  if (kind === "Connection")
    return [glue("catalog"), ...(operation === "CreateConnection" ? [] : [glue(`connection/${name}`)])];
  if (kind === "Database") {
    const tables = operation === "DeleteDatabase" ? [glue(`table/${name}/any`)] : [];
    return [glue("catalog"), glue(`database/${name}`), ...tables];
  }
  if (kind !== undefined) {
    const database = text("DatabaseName") ?? "";
    return [glue("catalog"), glue(`database/${database}`), glue(`table/${database}/${name}`)];
  }
  return [text("ResourceArn") ?? "*"];
}

function ec2Resources(operation: string, parameters: Record<string, unknown>): { old: string[]; made: string[] } {
  const ids = Object.entries(parameters)
    .filter(([parameter]) => !NOT_ASKED.test(parameter))
    .flatMap(
      ([, value]) =>
        String(value)
          .match(/^([a-z]+)-[0-9a-f]{8,}$/)
          ?.slice(0, 2) ?? [],
    );
  const old = [];
  for (let index = 0; index < ids.length; index += 2) {
    const type = EC2_TYPES[ids[index + 1] ?? ""];
    if (type !== undefined) old.push(arn("ec2", `${type}/${ids[index]}`));
  }
  // An association stands for both of its ends.
  if (operation === "DisassociateRouteTable") old.push(arn("ec2", "route-table/rtb-1"), arn("ec2", "subnet/subnet-1"));
  const made = (EC2_NEW[operation] ?? []).map((type) => arn("ec2", `${type}/new`));
  return { old, made };
}

/** Tags in a request, whatever the service's form for them is. */
function requestTags(parameters: Record<string, unknown>, type?: string): [string, string][] {
  const { Tags, tags } = parameters as { Tags?: unknown; tags?: object };
  if (Array.isArray(Tags)) {
    return Tags.map((tag: Record<string, string>) => [
      tag["Key"] ?? tag["TagKey"] ?? "",
      tag["Value"] ?? tag["TagValue"] ?? "",
    ]);
  }
  if (typeof (Tags ?? tags) === "object") return Object.entries((Tags ?? tags) as Record<string, string>);
  const flat: [string, string][] = [];
  for (const [parameter, value] of Object.entries(parameters)) {
    const prefix = /^(.*\.|)(?:Tag|member)\.\d+\.Key$/.exec(parameter)?.[0].slice(0, -".Key".length);
    if (prefix === undefined) continue;
    const specification = /^TagSpecification\.\d+/.exec(prefix)?.[0];
    if (specification !== undefined && type !== undefined && parameters[`${specification}.ResourceType`] !== type)
      continue;
    flat.push([String(value), String(parameters[`${prefix}.Value`])]);
  }
  return flat;
}

/**
 * The questions that AWS puts to the caller's policies for a call.
 *
 * @param tags those that the resources have which exist
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
export function authorizationRequests(
  { action, parameters }: AwsCall,
  tags: Record<string, string>,
): AuthorizationRequest[] {
  const [service = "", operation = ""] = action.split(":");
  const keys = (kind: string, pairs: [string, string][]): Record<string, string> =>
    Object.fromEntries(pairs.map(([tag, value]) => [`aws:${kind}/${tag}`, value]));
  const old = keys("ResourceTag", Object.entries(tags));
  const ask = (resource: string, context: Record<string, string>): AuthorizationRequest => ({
    action,
    resource,
    context,
  });
  if (service === "ec2") {
    const resources = ec2Resources(operation, parameters);
    const type = (made: string): string => made.split(":").at(-1)?.split("/")[0] ?? "";
    const requests = [
      // The default group of a VPC is tagged by this call, and has no tag before.
      ...resources.old.map((one) =>
        ask(one, operation === "CreateTags" ? keys("RequestTag", requestTags(parameters)) : old),
      ),
      ...resources.made.map((one) => ask(one, keys("RequestTag", requestTags(parameters, type(one))))),
      ...(operation === "RunInstances" ? [ask(`arn:aws:ec2:${REGION}::image/ami-1`, {})] : []),
    ];
    return /^Describe(?!InstanceAttribute|VpcAttribute)/.test(operation) ? [ask("*", {})] : requests;
  }
  if (service === "s3") {
    const { Bucket, Key } = parameters as Record<string, string>;
    if (/Object/.test(operation) && !/Bucket/.test(operation))
      return [ask(`arn:aws:s3:::${Bucket}/${Key ?? "any"}`, {})];
    return [ask(`arn:aws:s3:::${Bucket}`, {})];
  }
  const context = { ...keys("RequestTag", requestTags(parameters)), ...old };
  const resources =
    service === "glue"
      ? glueResources(operation, parameters)
      : Object.entries(BY_PARAMETER[service] ?? {}).flatMap(([parameter, arns]) =>
          typeof parameters[parameter] === "string" ? arns(parameters[parameter], parameters) : [],
        );
  // The default option group stands in no request, and is asked about.
  if (operation === "CreateDBInstance") resources.push(arn("rds", "og:default:mysql-8-4"));
  return (resources.length > 0 ? resources : ["*"]).map((one) => ask(one, context));
}
