/** One group of rights that a resource's owner in Terraform needs. */
export interface Right {
  /** Actions of IAM. */
  readonly actions: readonly string[];
  /**
   * ARNs after their partition. `{name}` is each name of the resource, `{region}` its region; an attribute in braces is that
   * attribute. `*` stands for an action that knows no resource.
   */
  readonly on: readonly string[];
  /**
   * Narrows a right to resources with the stack's tags, where ARNs hold no names: those that exist, or those of the request.
   * @default - no condition by tags
   */
  readonly tagged?: "resource" | "request";
  /**
   * Further conditions.
   * @default - none
   */
  readonly condition?: Record<string, Record<string, string>>;
  /**
   * When the right is needed: only to delete the resource, or only to delete a bucket with what is in it.
   * @default - always
   */
  readonly when?: "deleted" | "emptied";
  /**
   * The page that names the actions, for those that Terraform does not call on the emulator: calls that AWS makes on the
   * caller's behalf, actions that another one depends on, updates that the emulator does not know, and people's own commands.
   * @default - Terraform calls each action of the group on the emulator
   */
  readonly see?: string;
}

/** All that Terraform needs for a type of resource. */
export interface ResourceRights {
  /**
   * Attributes of which the first one that is set holds the resource's name; `<attribute>_prefix` counts as a beginning of it.
   * @default - the resource has no name
   */
  readonly name?: string;
  /** Its rights. */
  readonly rights: readonly Right[];
}

const AWS = "https://docs.aws.amazon.com";
const IAM = `${AWS}/IAM/latest/UserGuide`;
const PASS_ROLE = `${IAM}/id_roles_use_passrole.html`;
const EC2_TAGS = `${AWS}/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html`;
const PROVIDER = "https://registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources";
const FLOW_LOG = `${PROVIDER}/flow_log`;
const NETWORK_ACL = `${PROVIDER}/network_acl`;
const EC2 = "ec2:{region}:*:";
const KEY = ["kms:{region}:*:key/*"];

const ec2 = (type: string): string[] => [`${EC2}${type}/*`];
const list = (...actions: string[]): Right => ({ actions, on: ["*"] });
/** Actions on EC2's resources that exist. */
const own = (types: string, ...actions: string[]): Right => ({
  actions,
  on: types.split(" ").flatMap(ec2),
  tagged: "resource",
});
const remove = (right: Right): Right => ({ ...right, when: "deleted" });
/** The right to create a resource with its tags, in one request. */
function create(type: string, action: string): Right[] {
  const condition = { StringEquals: { "ec2:CreateAction": action.slice("ec2:".length) } };
  return [
    { actions: [action], on: ec2(type), tagged: "request" },
    { actions: ["ec2:CreateTags"], on: ec2(type), tagged: "request", condition, see: EC2_TAGS },
  ];
}
const passRole = (service: string): Right => ({
  actions: ["iam:PassRole"],
  on: ["iam::*:role/{roles}"],
  condition: { StringEquals: { "iam:PassedToService": service } },
  see: PASS_ROLE,
});
/** Use of the key by a service, on the caller's behalf. */
const useKey = (service: string, actions: string[], see: string): Right => ({
  actions: actions.map((action) => `kms:${action}`),
  on: KEY,
  tagged: "resource",
  condition: { StringEquals: { "kms:ViaService": `${service}.{region}.amazonaws.com` } },
  see,
});
const grantKey = (see: string): Right => ({
  actions: ["kms:CreateGrant"],
  on: KEY,
  tagged: "resource",
  condition: { Bool: { "kms:GrantIsForAWSResource": "true" } },
  see,
});

const BUCKET = ["s3:::{name}"];
/** The rights to read and write a part of a bucket. */
const bucketPart = (...parts: string[]): ResourceRights => ({
  name: "bucket",
  rights: [{ actions: parts.flatMap((part) => [`s3:Get${part}`, `s3:Put${part}`]), on: BUCKET }],
});
/** Rights to the rules of a security group. */
const groupRule = (direction: string): ResourceRights => ({
  rights: [
    own("security-group", `ec2:AuthorizeSecurityGroup${direction}`, `ec2:RevokeSecurityGroup${direction}`),
    ...create("security-group-rule", `ec2:AuthorizeSecurityGroup${direction}`),
    list("ec2:DescribeSecurityGroupRules"),
    {
      ...own("security-group security-group-rule", "ec2:ModifySecurityGroupRules"),
      see: `${PROVIDER}/vpc_security_group_${direction.toLowerCase()}_rule`,
    },
  ],
});

const SECRET = ["secretsmanager:{region}:*:secret:{name}"];
const ROLE = ["iam::*:role/{name}"];
const OIDC_PROVIDER = ["iam::*:oidc-provider/token.actions.githubusercontent.com"];
const OIDC = `${IAM}/id_roles_providers_create_oidc.html`;
const MANAGED_POLICIES = `${IAM}/access_policies_managed-versioning.html`;
const DB = ["rds:{region}:*:db:{name}"];
const PARAMETER_GROUP = ["rds:{region}:*:pg:{name}"];
const OPTION_GROUP = ["rds:{region}:*:og:{name}"];
const SUBNET_GROUP = ["rds:{region}:*:subgrp:{name}"];
const GLUE_DATABASE = ["glue:{region}:*:catalog", "glue:{region}:*:database/{name}"];
const GLUE_TABLE = [...GLUE_DATABASE, "glue:{region}:*:table/{name}/*"];
const GLUE_CONNECTION = ["glue:{region}:*:catalog", "glue:{region}:*:connection/{name}"];
const GLUE_JOB = ["glue:{region}:*:job/{name}"];
const GLUE_TRIGGER = ["glue:{region}:*:trigger/{name}"];
const GLUE_TAGS = `${AWS}/glue/latest/dg/monitor-tags.html`;
const LOG_GROUP = ["logs:{region}:*:log-group:{name}"];
const OPTION_GROUPS = `${AWS}/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html`;
const RDS_PASSWORD = `${AWS}/AmazonRDS/latest/UserGuide/rds-secrets-manager.html`;
const RDS_KMS = `${AWS}/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html`;
const EBS_KMS = `${AWS}/ebs/latest/userguide/ebs-encryption-requirements.html`;
const SECRETS_KMS = `${AWS}/secretsmanager/latest/userguide/security-encryption.html`;
const SESSIONS = `${AWS}/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html`;

/** Rights by type of resource; data sources begin with `data.`, ephemeral resources with `ephemeral.`. */
export const RIGHTS: Readonly<Record<string, ResourceRights>> = {
  aws_athena_workgroup: {
    name: "name",
    rights: [
      {
        actions: ["athena:CreateWorkGroup", "athena:GetWorkGroup", "athena:ListTagsForResource"],
        on: ["athena:{region}:*:workgroup/{name}"],
      },
      remove({ actions: ["athena:DeleteWorkGroup"], on: ["athena:{region}:*:workgroup/{name}"] }),
      {
        actions: ["athena:TagResource", "athena:UpdateWorkGroup"],
        on: ["athena:{region}:*:workgroup/{name}"],
        see: `${AWS}/athena/latest/ug/tags-access-control.html`,
      },
    ],
  },
  aws_cloudwatch_dashboard: {
    name: "dashboard_name",
    rights: [
      {
        actions: ["cloudwatch:GetDashboard", "cloudwatch:PutDashboard"],
        on: ["cloudwatch::*:dashboard/{name}"],
      },
      remove({ actions: ["cloudwatch:DeleteDashboards"], on: ["cloudwatch::*:dashboard/{name}"] }),
    ],
  },
  aws_cloudwatch_event_rule: {
    name: "name",
    rights: [
      {
        actions: ["events:DescribeRule", "events:ListTagsForResource", "events:PutRule"],
        on: ["events:{region}:*:rule/{name}"],
      },
      remove({ actions: ["events:DeleteRule"], on: ["events:{region}:*:rule/{name}"] }),
      {
        actions: ["events:TagResource"],
        on: ["events:{region}:*:rule/{name}"],
        see: `${AWS}/eventbridge/latest/APIReference/API_PutRule.html`,
      },
    ],
  },
  aws_cloudwatch_event_target: {
    name: "rule",
    rights: [
      { actions: ["events:ListTargetsByRule", "events:PutTargets"], on: ["events:{region}:*:rule/{name}"] },
      remove({ actions: ["events:RemoveTargets"], on: ["events:{region}:*:rule/{name}"] }),
    ],
  },
  aws_cloudwatch_log_group: {
    name: "name",
    rights: [
      {
        actions: ["logs:CreateLogGroup", "logs:ListTagsForResource", "logs:PutRetentionPolicy"],
        on: LOG_GROUP,
      },
      list("logs:DescribeLogGroups"),
      remove({ actions: ["logs:DeleteLogGroup"], on: LOG_GROUP }),
      {
        actions: ["logs:TagResource"],
        on: LOG_GROUP,
        see: `${AWS}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html`,
      },
      {
        actions: ["logs:FilterLogEvents"],
        on: [...LOG_GROUP, "logs:{region}:*:log-group:{name}:*"],
        see: `${AWS}/cli/latest/reference/logs/tail.html`,
      },
    ],
  },
  aws_cloudwatch_log_metric_filter: {
    name: "log_group_name",
    rights: [
      { actions: ["logs:DescribeMetricFilters", "logs:PutMetricFilter"], on: LOG_GROUP },
      remove({ actions: ["logs:DeleteMetricFilter"], on: LOG_GROUP }),
    ],
  },
  aws_cloudwatch_metric_alarm: {
    name: "alarm_name",
    rights: [
      {
        actions: ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource", "cloudwatch:PutMetricAlarm"],
        on: ["cloudwatch:{region}:*:alarm:{name}"],
      },
      remove({ actions: ["cloudwatch:DeleteAlarms"], on: ["cloudwatch:{region}:*:alarm:{name}"] }),
      {
        actions: ["cloudwatch:TagResource"],
        on: ["cloudwatch:{region}:*:alarm:{name}"],
        see: `${AWS}/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html`,
      },
    ],
  },
  aws_db_instance: {
    name: "identifier",
    rights: [
      {
        actions: ["rds:CreateDBInstance", "rds:ModifyDBInstance"],
        // The default option group is looked at, too.
        on: [
          ...DB,
          "rds:{region}:*:pg:{parameter_groups}",
          "rds:{region}:*:subgrp:{subnet_groups}",
          "rds:{region}:*:og:default*",
          "rds:{region}:*:og:{option_groups}",
        ],
      },
      // The provider asks by the resource's id, which no name begins.
      list("rds:DescribeDBInstances"),
      { actions: ["rds:ListTagsForResource"], on: DB },
      remove({ actions: ["rds:DeleteDBInstance"], on: DB }),
      {
        actions: ["rds:AddTagsToResource"],
        on: DB,
        see: `${AWS}/AmazonRDS/latest/UserGuide/USER_Tagging.html`,
      },
      remove({
        actions: ["rds:CreateDBSnapshot", "rds:AddTagsToResource"],
        on: [...DB, "rds:{region}:*:snapshot:{name}-*"],
        see: `${AWS}/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html`,
      }),
      {
        actions: ["secretsmanager:CreateSecret", "secretsmanager:TagResource"],
        on: ["secretsmanager:{region}:*:secret:rds!db-*"],
        see: RDS_PASSWORD,
      },
      useKey("secretsmanager", ["Decrypt", "DescribeKey", "GenerateDataKey"], RDS_PASSWORD),
      useKey("rds", ["Decrypt", "DescribeKey", "GenerateDataKey"], RDS_KMS),
      grantKey(RDS_KMS),
      passRole("monitoring.rds.amazonaws.com"),
      {
        actions: ["iam:CreateServiceLinkedRole"],
        on: ["iam::*:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS"],
        condition: { StringEquals: { "iam:AWSServiceName": "rds.amazonaws.com" } },
        see: `${AWS}/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html`,
      },
    ],
  },
  aws_db_option_group: {
    name: "name",
    rights: [
      {
        actions: [
          "rds:CreateOptionGroup",
          "rds:DescribeOptionGroups",
          "rds:ModifyOptionGroup",
          "rds:ListTagsForResource",
        ],
        on: OPTION_GROUP,
        see: OPTION_GROUPS,
      },
      remove({ actions: ["rds:DeleteOptionGroup"], on: OPTION_GROUP, see: OPTION_GROUPS }),
      { actions: ["rds:AddTagsToResource"], on: OPTION_GROUP, see: `${PROVIDER}/db_option_group` },
    ],
  },
  aws_db_parameter_group: {
    name: "name",
    rights: [
      {
        actions: [
          "rds:CreateDBParameterGroup",
          "rds:DescribeDBParameterGroups",
          "rds:DescribeDBParameters",
          "rds:ListTagsForResource",
          "rds:ModifyDBParameterGroup",
        ],
        on: PARAMETER_GROUP,
      },
      remove({ actions: ["rds:DeleteDBParameterGroup"], on: PARAMETER_GROUP }),
      {
        actions: ["rds:AddTagsToResource", "rds:ResetDBParameterGroup"],
        on: PARAMETER_GROUP,
        see: `${PROVIDER}/db_parameter_group`,
      },
    ],
  },
  aws_db_subnet_group: {
    name: "name",
    rights: [
      {
        actions: ["rds:CreateDBSubnetGroup", "rds:DescribeDBSubnetGroups", "rds:ListTagsForResource"],
        on: SUBNET_GROUP,
      },
      remove({ actions: ["rds:DeleteDBSubnetGroup"], on: SUBNET_GROUP }),
      {
        actions: ["rds:AddTagsToResource", "rds:ModifyDBSubnetGroup"],
        on: SUBNET_GROUP,
        see: `${PROVIDER}/db_subnet_group`,
      },
    ],
  },
  aws_default_network_acl: {
    rights: [
      // The ACL comes with its VPC, without tags: the provider tags it first.
      { actions: ["ec2:CreateTags"], on: ec2("network-acl"), tagged: "request" },
      {
        ...own("network-acl", "ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"),
        see: `${PROVIDER}/default_network_acl`,
      },
      { ...list("ec2:DescribeNetworkAcls"), see: `${PROVIDER}/default_network_acl` },
    ],
  },
  aws_default_security_group: {
    rights: [
      // The group comes with its VPC, without tags: the provider tags it first.
      { actions: ["ec2:CreateTags"], on: ec2("security-group"), tagged: "request" },
      own("security-group", "ec2:RevokeSecurityGroupEgress"),
      { ...own("security-group", "ec2:RevokeSecurityGroupIngress"), see: `${PROVIDER}/default_security_group` },
      list("ec2:DescribeSecurityGroups"),
    ],
  },
  aws_flow_log: {
    rights: [
      ...create("vpc-flow-log", "ec2:CreateFlowLogs").map((right) => ({ see: FLOW_LOG, ...right })),
      { ...own("vpc", "ec2:CreateFlowLogs"), see: FLOW_LOG },
      { ...list("ec2:DescribeFlowLogs"), see: FLOW_LOG },
      remove({ ...own("vpc-flow-log", "ec2:DeleteFlowLogs"), see: FLOW_LOG }),
      passRole("vpc-flow-logs.amazonaws.com"),
    ],
  },
  aws_glue_catalog_database: {
    name: "name",
    rights: [
      { actions: ["glue:CreateDatabase", "glue:GetDatabase"], on: GLUE_DATABASE },
      { actions: ["glue:GetTags"], on: ["glue:{region}:*:database/{name}"] },
      remove({ actions: ["glue:DeleteDatabase"], on: [...GLUE_DATABASE, "glue:{region}:*:table/{name}/*"] }),
      { actions: ["glue:TagResource", "glue:UpdateDatabase"], on: GLUE_DATABASE, see: GLUE_TAGS },
    ],
  },
  aws_glue_catalog_table: {
    name: "database_name",
    rights: [
      { actions: ["glue:CreateTable", "glue:GetPartitionIndexes", "glue:GetTable"], on: GLUE_TABLE },
      remove({ actions: ["glue:DeleteTable"], on: GLUE_TABLE }),
      { actions: ["glue:UpdateTable"], on: GLUE_TABLE, see: `${PROVIDER}/glue_catalog_table` },
    ],
  },
  aws_glue_connection: {
    name: "name",
    rights: [
      { actions: ["glue:CreateConnection", "glue:GetConnection"], on: GLUE_CONNECTION },
      { actions: ["glue:GetTags"], on: ["glue:{region}:*:connection/{name}"] },
      remove({ actions: ["glue:DeleteConnection"], on: GLUE_CONNECTION }),
      { actions: ["glue:TagResource", "glue:UpdateConnection"], on: GLUE_CONNECTION, see: GLUE_TAGS },
    ],
  },
  aws_glue_job: {
    name: "name",
    rights: [
      { actions: ["glue:CreateJob", "glue:GetJob", "glue:GetTags", "glue:UpdateJob"], on: GLUE_JOB },
      remove({ actions: ["glue:DeleteJob"], on: GLUE_JOB }),
      { actions: ["glue:TagResource"], on: GLUE_JOB, see: GLUE_TAGS },
      passRole("glue.amazonaws.com"),
      {
        actions: ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"],
        on: GLUE_JOB,
        see: `${AWS}/cli/latest/reference/glue/start-job-run.html`,
      },
    ],
  },
  aws_glue_security_configuration: {
    rights: [
      list("glue:CreateSecurityConfiguration", "glue:GetSecurityConfiguration"),
      remove(list("glue:DeleteSecurityConfiguration")),
    ],
  },
  aws_glue_trigger: {
    name: "name",
    rights: [
      { actions: ["glue:CreateTrigger", "glue:GetTags", "glue:GetTrigger", "glue:UpdateTrigger"], on: GLUE_TRIGGER },
      remove({ actions: ["glue:DeleteTrigger"], on: GLUE_TRIGGER }),
      {
        actions: ["glue:StartTrigger", "glue:StopTrigger", "glue:TagResource"],
        on: GLUE_TRIGGER,
        see: GLUE_TAGS,
      },
    ],
  },
  aws_iam_instance_profile: {
    name: "name",
    rights: [
      {
        actions: ["iam:AddRoleToInstanceProfile", "iam:CreateInstanceProfile", "iam:GetInstanceProfile"],
        on: ["iam::*:instance-profile/{name}"],
      },
      remove({
        actions: ["iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile"],
        on: ["iam::*:instance-profile/{name}"],
      }),
      {
        actions: ["iam:TagInstanceProfile"],
        on: ["iam::*:instance-profile/{name}"],
        see: `${IAM}/id_tags_instance-profiles.html`,
      },
      passRole("ec2.amazonaws.com"),
    ],
  },
  aws_iam_openid_connect_provider: {
    rights: [
      {
        actions: [
          "iam:AddClientIDToOpenIDConnectProvider",
          "iam:CreateOpenIDConnectProvider",
          "iam:GetOpenIDConnectProvider",
          "iam:RemoveClientIDFromOpenIDConnectProvider",
          "iam:TagOpenIDConnectProvider",
          "iam:UpdateOpenIDConnectProviderThumbprint",
        ],
        on: OIDC_PROVIDER,
        see: OIDC,
      },
      remove({ actions: ["iam:DeleteOpenIDConnectProvider"], on: OIDC_PROVIDER, see: OIDC }),
    ],
  },
  aws_iam_policy: {
    name: "name",
    rights: [
      {
        actions: [
          "iam:CreatePolicy",
          "iam:CreatePolicyVersion",
          "iam:DeletePolicyVersion",
          "iam:GetPolicy",
          "iam:GetPolicyVersion",
          "iam:ListPolicyVersions",
          "iam:TagPolicy",
        ],
        on: ["iam::*:policy/{name}"],
        see: MANAGED_POLICIES,
      },
      remove({ actions: ["iam:DeletePolicy"], on: ["iam::*:policy/{name}"], see: MANAGED_POLICIES }),
    ],
  },
  aws_iam_role: {
    name: "name",
    rights: [
      {
        actions: [
          "iam:CreateRole",
          "iam:GetRole",
          "iam:ListAttachedRolePolicies",
          "iam:ListRolePolicies",
          "iam:UpdateAssumeRolePolicy",
        ],
        on: ROLE,
      },
      remove({ actions: ["iam:DeleteRole", "iam:ListInstanceProfilesForRole"], on: ROLE }),
      {
        actions: ["iam:TagRole", "iam:UpdateRole", "iam:UpdateRoleDescription"],
        on: ROLE,
        see: `${IAM}/id_tags_roles.html`,
      },
    ],
  },
  aws_iam_role_policy: {
    name: "role",
    rights: [
      { actions: ["iam:GetRolePolicy", "iam:PutRolePolicy"], on: ROLE },
      remove({ actions: ["iam:DeleteRolePolicy"], on: ROLE }),
    ],
  },
  aws_iam_role_policy_attachment: {
    name: "role",
    rights: [
      {
        actions: ["iam:AttachRolePolicy"],
        on: ROLE,
        see: `${PROVIDER}/iam_role_policy_attachment`,
      },
      remove({ actions: ["iam:DetachRolePolicy"], on: ROLE, see: `${PROVIDER}/iam_role_policy_attachment` }),
    ],
  },
  aws_iam_user: {
    name: "name",
    rights: [
      { actions: ["iam:CreateUser", "iam:GetUser"], on: ["iam::*:user/{name}"] },
      remove({
        actions: [
          "iam:DeleteLoginProfile",
          "iam:DeleteUser",
          "iam:ListAccessKeys",
          "iam:ListAttachedUserPolicies",
          "iam:ListGroupsForUser",
          "iam:ListMFADevices",
          "iam:ListSSHPublicKeys",
          "iam:ListServiceSpecificCredentials",
          "iam:ListSigningCertificates",
          "iam:ListUserPolicies",
        ],
        on: ["iam::*:user/{name}"],
      }),
      remove(list("iam:ListVirtualMFADevices")),
      remove({
        actions: ["iam:DeleteAccessKey"],
        on: ["iam::*:user/{name}"],
        see: `${PROVIDER}/iam_user`,
      }),
      { actions: ["iam:TagUser"], on: ["iam::*:user/{name}"], see: `${IAM}/id_tags_users.html` },
    ],
  },
  aws_iam_user_policy: {
    name: "user",
    rights: [
      { actions: ["iam:GetUserPolicy", "iam:PutUserPolicy"], on: ["iam::*:user/{name}"] },
      remove({ actions: ["iam:DeleteUserPolicy"], on: ["iam::*:user/{name}"] }),
    ],
  },
  aws_instance: {
    rights: [
      ...create("instance", "ec2:RunInstances"),
      ...create("volume", "ec2:RunInstances"),
      own("security-group subnet", "ec2:RunInstances"),
      { actions: ["ec2:RunInstances"], on: ["ec2:{region}::image/*", `${EC2}network-interface/*`] },
      own("instance", "ec2:DescribeInstanceAttribute"),
      list(
        "ec2:DescribeImages",
        "ec2:DescribeInstanceCreditSpecifications",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeInstances",
        "ec2:DescribeTags",
        "ec2:DescribeVolumes",
      ),
      remove(own("instance", "ec2:ModifyInstanceAttribute", "ec2:TerminateInstances")),
      {
        ...own("instance", "ec2:StartInstances", "ec2:StopInstances"),
        see: `${PROVIDER}/instance`,
      },
      useKey("ec2", ["Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext"], EBS_KMS),
      grantKey(EBS_KMS),
    ],
  },
  aws_internet_gateway: {
    rights: [
      ...create("internet-gateway", "ec2:CreateInternetGateway"),
      own("internet-gateway vpc", "ec2:AttachInternetGateway"),
      list("ec2:DescribeInternetGateways"),
      remove(own("internet-gateway vpc", "ec2:DetachInternetGateway")),
      remove(own("internet-gateway", "ec2:DeleteInternetGateway")),
    ],
  },
  aws_kms_alias: {
    name: "name",
    rights: [
      { actions: ["kms:CreateAlias"], on: ["kms:{region}:*:{name}"] },
      { actions: ["kms:CreateAlias"], on: KEY, tagged: "resource" },
      list("kms:ListAliases"),
      remove({ actions: ["kms:DeleteAlias"], on: ["kms:{region}:*:{name}"] }),
      remove({ actions: ["kms:DeleteAlias"], on: KEY, tagged: "resource" }),
    ],
  },
  aws_kms_key: {
    rights: [
      { actions: ["kms:CreateKey"], on: ["*"], tagged: "request" },
      {
        actions: [
          "kms:DescribeKey",
          "kms:EnableKeyRotation",
          "kms:GetKeyPolicy",
          "kms:GetKeyRotationStatus",
          "kms:ListResourceTags",
        ],
        on: KEY,
        tagged: "resource",
      },
      remove({ actions: ["kms:ScheduleKeyDeletion"], on: KEY, tagged: "resource" }),
      {
        actions: ["kms:TagResource"],
        on: KEY,
        tagged: "request",
        see: `${AWS}/kms/latest/APIReference/API_CreateKey.html`,
      },
      {
        actions: ["kms:UpdateKeyDescription"],
        on: KEY,
        tagged: "resource",
        see: `${PROVIDER}/kms_key`,
      },
    ],
  },
  aws_kms_key_policy: {
    rights: [{ actions: ["kms:GetKeyPolicy", "kms:PutKeyPolicy"], on: KEY, tagged: "resource" }],
  },
  aws_network_acl: {
    rights: [
      ...create("network-acl", "ec2:CreateNetworkAcl").map((right) => ({ see: NETWORK_ACL, ...right })),
      own("vpc", "ec2:CreateNetworkAcl"),
      {
        ...own("network-acl", "ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry", "ec2:ReplaceNetworkAclEntry"),
        see: NETWORK_ACL,
      },
      { ...own("network-acl subnet", "ec2:ReplaceNetworkAclAssociation"), see: NETWORK_ACL },
      { ...list("ec2:DescribeNetworkAcls"), see: NETWORK_ACL },
      remove({ ...own("network-acl", "ec2:DeleteNetworkAcl"), see: NETWORK_ACL }),
    ],
  },
  aws_route: {
    rights: [
      own("route-table", "ec2:CreateRoute"),
      list("ec2:DescribeRouteTables"),
      remove(own("route-table", "ec2:DeleteRoute")),
      { ...own("route-table", "ec2:ReplaceRoute"), see: `${PROVIDER}/route` },
    ],
  },
  aws_route_table: {
    rights: [
      ...create("route-table", "ec2:CreateRouteTable"),
      own("vpc", "ec2:CreateRouteTable"),
      list("ec2:DescribeRouteTables"),
      remove(own("route-table", "ec2:DeleteRouteTable")),
    ],
  },
  aws_route_table_association: {
    rights: [
      own("route-table subnet", "ec2:AssociateRouteTable"),
      list("ec2:DescribeRouteTables"),
      remove(own("route-table subnet", "ec2:DisassociateRouteTable")),
    ],
  },
  aws_s3_bucket: {
    name: "bucket",
    rights: [
      {
        actions: [
          "s3:CreateBucket",
          "s3:GetAccelerateConfiguration",
          "s3:GetBucketAcl",
          "s3:GetBucketCORS",
          "s3:GetBucketLogging",
          "s3:GetBucketObjectLockConfiguration",
          "s3:GetBucketPolicy",
          "s3:GetBucketRequestPayment",
          "s3:GetBucketTagging",
          "s3:GetBucketVersioning",
          "s3:GetBucketWebsite",
          "s3:GetEncryptionConfiguration",
          "s3:GetLifecycleConfiguration",
          "s3:GetReplicationConfiguration",
          "s3:ListBucket",
          "s3:PutBucketTagging",
        ],
        on: BUCKET,
      },
      remove({ actions: ["s3:DeleteBucket"], on: BUCKET }),
      { actions: ["s3:ListBucketVersions"], on: BUCKET, when: "emptied" },
      { actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"], on: ["s3:::{name}/*"], when: "emptied" },
    ],
  },
  aws_s3_bucket_lifecycle_configuration: bucketPart("LifecycleConfiguration"),
  aws_s3_bucket_logging: bucketPart("BucketLogging"),
  aws_s3_bucket_notification: bucketPart("BucketNotification"),
  aws_s3_bucket_object_lock_configuration: {
    name: "bucket",
    rights: [
      { actions: ["s3:GetBucketObjectLockConfiguration"], on: BUCKET },
      {
        actions: ["s3:PutBucketObjectLockConfiguration"],
        on: BUCKET,
        see: `${AWS}/AmazonS3/latest/userguide/object-lock-managing.html`,
      },
    ],
  },
  aws_s3_bucket_ownership_controls: bucketPart("BucketOwnershipControls"),
  aws_s3_bucket_policy: {
    name: "bucket",
    rights: [
      { actions: ["s3:GetBucketPolicy", "s3:PutBucketPolicy"], on: BUCKET },
      remove({ actions: ["s3:DeleteBucketPolicy"], on: BUCKET }),
    ],
  },
  aws_s3_bucket_public_access_block: bucketPart("BucketPublicAccessBlock"),
  aws_s3_bucket_replication_configuration: {
    name: "bucket",
    rights: [
      { actions: ["s3:GetReplicationConfiguration"], on: BUCKET },
      {
        actions: ["s3:PutReplicationConfiguration"],
        on: BUCKET,
        see: `${AWS}/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html`,
      },
      passRole("s3.amazonaws.com"),
    ],
  },
  aws_s3_bucket_server_side_encryption_configuration: bucketPart("EncryptionConfiguration"),
  aws_s3_bucket_versioning: bucketPart("BucketVersioning"),
  aws_s3_object: {
    name: "bucket",
    rights: [
      { actions: ["s3:GetObject", "s3:GetObjectTagging", "s3:PutObject"], on: ["s3:::{name}/{key}"] },
      { actions: ["s3:ListBucket"], on: BUCKET },
      remove({ actions: ["s3:ListBucketVersions"], on: BUCKET }),
      remove({ actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"], on: ["s3:::{name}/{key}"] }),
      {
        actions: ["s3:PutObjectTagging"],
        on: ["s3:::{name}/{key}"],
        see: `${AWS}/AmazonS3/latest/API/API_PutObject.html`,
      },
      useKey("s3", ["Decrypt", "GenerateDataKey"], `${AWS}/AmazonS3/latest/userguide/UsingKMSEncryption.html`),
    ],
  },
  aws_secretsmanager_secret: {
    name: "name",
    rights: [
      {
        actions: ["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
        on: SECRET,
      },
      remove({ actions: ["secretsmanager:DeleteSecret"], on: SECRET }),
      {
        actions: ["secretsmanager:TagResource", "secretsmanager:UpdateSecret"],
        on: SECRET,
        see: `${AWS}/secretsmanager/latest/apireference/API_CreateSecret.html`,
      },
      useKey("secretsmanager", ["Decrypt", "GenerateDataKey"], SECRETS_KMS),
    ],
  },
  aws_secretsmanager_secret_version: {
    name: "secret_id",
    rights: [
      {
        actions: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
        on: SECRET,
      },
      {
        actions: ["secretsmanager:UpdateSecretVersionStage"],
        on: SECRET,
        see: `${PROVIDER}/secretsmanager_secret_version`,
      },
      useKey("secretsmanager", ["Decrypt", "GenerateDataKey"], SECRETS_KMS),
    ],
  },
  aws_security_group: {
    rights: [
      ...create("security-group", "ec2:CreateSecurityGroup"),
      own("vpc", "ec2:CreateSecurityGroup"),
      own("security-group", "ec2:RevokeSecurityGroupEgress"),
      list("ec2:DescribeSecurityGroups"),
      remove(own("security-group", "ec2:DeleteSecurityGroup")),
      remove(list("ec2:DescribeNetworkInterfaces")),
    ],
  },
  aws_sns_topic: {
    name: "name",
    rights: [
      {
        actions: ["sns:CreateTopic", "sns:GetTopicAttributes", "sns:ListTagsForResource", "sns:SetTopicAttributes"],
        on: ["sns:{region}:*:{name}"],
      },
      remove({ actions: ["sns:DeleteTopic"], on: ["sns:{region}:*:{name}"] }),
      {
        actions: ["sns:TagResource"],
        on: ["sns:{region}:*:{name}"],
        see: `${AWS}/sns/latest/api/API_CreateTopic.html`,
      },
      {
        actions: ["sns:ListSubscriptionsByTopic"],
        on: ["sns:{region}:*:{name}"],
        see: `${AWS}/cli/latest/reference/sns/list-subscriptions-by-topic.html`,
      },
    ],
  },
  aws_sns_topic_policy: {
    name: "arn",
    rights: [{ actions: ["sns:GetTopicAttributes", "sns:SetTopicAttributes"], on: ["sns:{region}:*:{name}"] }],
  },
  aws_sns_topic_subscription: {
    name: "topic_arn",
    rights: [
      { actions: ["sns:GetSubscriptionAttributes", "sns:Subscribe"], on: ["sns:{region}:*:{name}"] },
      remove({ actions: ["sns:Unsubscribe"], on: ["sns:{region}:*:{name}"] }),
    ],
  },
  aws_ssm_document: {
    name: "name",
    rights: [
      {
        actions: ["ssm:CreateDocument", "ssm:DescribeDocument", "ssm:DescribeDocumentPermission", "ssm:GetDocument"],
        on: ["ssm:{region}:*:document/{name}"],
      },
      remove({ actions: ["ssm:DeleteDocument"], on: ["ssm:{region}:*:document/{name}"] }),
      {
        actions: ["ssm:AddTagsToResource", "ssm:UpdateDocument", "ssm:UpdateDocumentDefaultVersion"],
        on: ["ssm:{region}:*:document/{name}"],
        see: `${PROVIDER}/ssm_document`,
      },
      // The tunnel: a session with this document, on an instance of the stack. Without the condition a session without a
      // document, a shell, would need the right to the instance alone.
      {
        actions: ["ssm:StartSession"],
        on: ["ssm:{region}:*:document/{name}"],
        condition: { BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } },
        see: SESSIONS,
      },
      {
        actions: ["ssm:StartSession"],
        on: ec2("instance"),
        tagged: "resource",
        condition: { BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } },
        see: SESSIONS,
      },
      {
        actions: ["ssm:ResumeSession", "ssm:TerminateSession"],
        on: ["ssm:{region}:*:session/${aws:userid}-*"],
        see: SESSIONS,
      },
      {
        actions: ["ssmmessages:OpenDataChannel"],
        on: ["ssm:{region}:*:session/${aws:userid}-*"],
        see: SESSIONS,
      },
    ],
  },
  aws_subnet: {
    rights: [
      ...create("subnet", "ec2:CreateSubnet"),
      own("vpc", "ec2:CreateSubnet"),
      list("ec2:DescribeSubnets"),
      remove(own("subnet", "ec2:DeleteSubnet")),
      remove(list("ec2:DescribeNetworkInterfaces")),
    ],
  },
  aws_vpc: {
    rights: [
      ...create("vpc", "ec2:CreateVpc"),
      own("vpc", "ec2:DescribeVpcAttribute", "ec2:ModifyVpcAttribute"),
      list("ec2:DescribeNetworkAcls", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"),
      remove(own("vpc", "ec2:DeleteVpc")),
    ],
  },
  aws_vpc_endpoint: {
    rights: [
      ...create("vpc-endpoint", "ec2:CreateVpcEndpoint"),
      own("route-table security-group subnet vpc", "ec2:CreateVpcEndpoint"),
      list("ec2:DescribePrefixLists", "ec2:DescribeVpcEndpoints"),
      remove(own("vpc-endpoint", "ec2:DeleteVpcEndpoints")),
      {
        ...own("route-table security-group subnet vpc-endpoint", "ec2:ModifyVpcEndpoint"),
        see: `${PROVIDER}/vpc_endpoint`,
      },
    ],
  },
  aws_vpc_security_group_egress_rule: groupRule("Egress"),
  aws_vpc_security_group_ingress_rule: groupRule("Ingress"),
  "data.aws_ssm_parameter": {
    name: "name",
    rights: [{ actions: ["ssm:GetParameter"], on: ["ssm:{region}:*:parameter{name}"] }],
  },
  "ephemeral.aws_secretsmanager_random_password": { rights: [list("secretsmanager:GetRandomPassword")] },
  "ephemeral.aws_secretsmanager_secret_version": {
    name: "secret_id",
    rights: [
      { actions: ["secretsmanager:GetSecretValue"], on: SECRET },
      useKey("secretsmanager", ["Decrypt"], SECRETS_KMS),
    ],
  },
};

/** Types without a call to AWS. */
export const WITHOUT_RIGHTS: ReadonlySet<string> = new Set([
  "data.aws_iam_policy_document",
  "data.aws_partition",
  "data.aws_region",
]);

/** Rights to Terraform's state in a bucket: https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required */
export const STATE_RIGHTS: readonly Right[] = [
  { actions: ["s3:ListBucket"], on: ["s3:::{bucket}"] },
  { actions: ["s3:GetObject", "s3:PutObject"], on: ["s3:::{bucket}/{key}", "s3:::{bucket}/{key}.tflock"] },
  { actions: ["s3:DeleteObject"], on: ["s3:::{bucket}/{key}.tflock"] },
];

/** Rights to keep a copy of a state that is a file: that of the stack which makes the bucket. */
export const COPY_OF_STATE_RIGHTS: readonly Right[] = [
  {
    actions: ["s3:GetObject", "s3:PutObject"],
    on: ["s3:::{bucket}/{key}"],
    see: `${AWS}/cli/latest/reference/s3/cp.html`,
  },
];
