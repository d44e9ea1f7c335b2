import { Construct } from "constructs";
import { Fn, Token } from "cdktf";
import { DataAwsSsmParameter } from "@cdktf/provider-aws/lib/data-aws-ssm-parameter";
import { IamInstanceProfile } from "@cdktf/provider-aws/lib/iam-instance-profile";
import { Instance } from "@cdktf/provider-aws/lib/instance";
import { SsmDocument } from "@cdktf/provider-aws/lib/ssm-document";
import { writeBesideHcl } from "../common/beside-hcl";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkPattern } from "../common/checks";
import { checkConstructProps } from "../common/construct-props";
import type { IDataLakeKey } from "../common/data-lake-key";
import { arnScope, expressionString } from "../common/expression";
import type { IGrantee } from "../common/grantee";
import { iamName, keepNames } from "../common/kept-name";
import { pathText, physicalName } from "../common/physical-name";
import { Role } from "../common/role";
import { ValidationError } from "../common/validation-error";
import { addDatabaseClientGroup } from "../database/database-client-group";
import type { IMetadataDatabase } from "../database/metadata-database";
import type { IDataLakeNetwork } from "../network/data-lake-network";

/** Properties of {@link DatabaseBastion}. */
export interface DatabaseBastionProps extends AwsConstructProps {
  /** The database that the instance connects to; it is told to let the instance in. */
  readonly database: IMetadataDatabase;
  /** Network of the instance, which is in its first private subnet, beside the endpoints. */
  readonly network: IDataLakeNetwork;
  /**
   * The KMS key for the instance's disk.
   * @default - the account's key `aws/ebs`
   */
  readonly encryptionKey?: IDataLakeKey;
  /**
   * The instance type, of Graviton or of Intel and AMD.
   * @default "t4g.nano"
   * @see https://aws.amazon.com/ec2/instance-types/
   */
  readonly instanceType?: string;
}

/** Facts of a tunnel, as the command `xray-tunnel` reads them from a stack's output `database_tunnel`. */
export interface DatabaseTunnel {
  /** The instance's id. */
  readonly instance_id: string;
  /** The session document, which names host and port. */
  readonly document_name: string;
  /** The region of both. */
  readonly region: string;
  /** The database's host, as its certificate names it. */
  readonly host: string;
  /** The database's port. */
  readonly port: number;
}

const DEFAULT_INSTANCE_TYPE = "t4g.nano";
/** Size of the image, the least that the disk can have. */
const DISK_GIB = 8;

/**
 * Services that the agent calls; a version of 3.3.40.0 or newer, as today's images have, does without `ec2messages`.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
 */
const AGENT_SERVICES = ["ssm", "ssmmessages"];

/**
 * Upgrades the system at each start, without holding up the agent, and stops the SSH server, which nobody uses. Half a GiB
 * of memory is little for `dnf`: it swaps. JSON is YAML.
 */
const USER_DATA = `#cloud-config\n${JSON.stringify({
  swap: { filename: "/swapfile", size: 1_073_741_824 },
  write_files: [
    {
      path: "/etc/systemd/system/upgrade-at-start.service",
      content: [
        "[Unit]",
        "Description=Upgrade of all packages at each start",
        "Wants=network-online.target",
        "After=network-online.target",
        "[Service]",
        "Type=oneshot",
        "ExecStart=/usr/bin/dnf --assumeyes --releasever=latest upgrade",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
      ].join("\n"),
    },
  ],
  runcmd: [
    ["systemctl", "disable", "--now", "sshd.service"],
    ["systemctl", "daemon-reload"],
    ["systemctl", "enable", "--now", "--no-block", "upgrade-at-start.service"],
  ],
})}\n`;

/**
 * A bastion host for a private database: an instance without a public address, an open port or a key pair, which Systems
 * Manager reaches. A session forwards one port of the caller's machine to the database and to nothing else.
 *
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html
 *
 * @example
 * new DatabaseBastion(this, "Bastion", { database, network, encryptionKey: key }).grantConnect(role);
 */
export class DatabaseBastion extends Construct {
  /** The generated resource, for what this construct does not model. */
  readonly resource: Instance;
  /** The instance's id. */
  readonly instanceId: string;
  /** The session document's name. */
  readonly documentName: string;
  /** The instance's security group. */
  readonly securityGroupId: string;
  /** The value of the output `database_tunnel`, which the command `xray-tunnel` reads. */
  readonly tunnel: DatabaseTunnel;

  private readonly document: SsmDocument;

  constructor(
    scope: Construct,
    id: string,
    private readonly props: DatabaseBastionProps,
  ) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["database", "network"], ["encryptionKey"]);
    const { database, network, encryptionKey, instanceType = DEFAULT_INSTANCE_TYPE } = props;
    checkInstanceType(this, instanceType);
    const [subnet] = network.subnets;
    if (!subnet) throw new ValidationError(this, "network must have a private subnet, got none");

    for (const service of AGENT_SERVICES) network.endpoints?.addInterface(service);
    network.endpoints?.allowAmazonLinuxPackages();
    const securityGroup = addDatabaseClientGroup(this, { database, network, kind: "Bastion" });
    this.securityGroupId = securityGroup.id;
    this.resource = new Instance(this, "Resource", {
      ami: new DataAwsSsmParameter(this, "Image", { name: imageParameter(instanceType) }).insecureValue,
      instanceType,
      subnetId: subnet.id,
      vpcSecurityGroupIds: [securityGroup.id],
      associatePublicIpAddress: false,
      iamInstanceProfile: this.instanceProfile().name,
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      rootBlockDevice: {
        encrypted: true,
        kmsKeyId: encryptionKey?.keyArn,
        volumeType: "gp3",
        volumeSize: DISK_GIB,
      },
      userData: USER_DATA,
      userDataReplaceOnChange: true,
      tags: { Name: pathText(this) },
    });
    writeBesideHcl(this.resource); // a further line in the user data would replace the instance
    this.instanceId = this.resource.id;
    this.document = this.sessionDocument();
    this.documentName = this.document.name;
    this.tunnel = {
      instance_id: this.instanceId,
      document_name: this.documentName,
      region: arnScope(this.resource.arn).region,
      host: database.endpoint,
      port: database.port,
    };
  }

  /**
   * Lets a role or user open the tunnel, and end its own sessions. The tunnel leads to the database's port alone: IAM knows
   * no condition for a session's host, so that only the document, which names it, is granted.
   *
   * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html
   */
  grantConnect(grantee: IGrantee): void {
    const { partition, region, account } = arnScope(this.resource.arn);
    grantee.addToPolicy({
      actions: ["ssm:StartSession"],
      resources: [this.resource.arn, this.document.arn],
      // Without it a session without a document, a shell, would need the right to the instance alone.
      conditions: [{ test: "BoolIfExists", variable: "ssm:SessionDocumentAccessCheck", values: ["true"] }],
    });
    grantee.addToPolicy({
      actions: ["ssm:ResumeSession", "ssm:TerminateSession", "ssmmessages:OpenDataChannel"],
      resources: [`arn:${partition}:ssm:${region}:${account}:session/\${aws:userid}-*`],
    });
  }

  /**
   * Rights of the agent for sessions alone. The managed policy AmazonSSMManagedInstanceCore also lets an instance read each
   * parameter of the account and run commands that others send.
   *
   * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
   */
  private instanceProfile(): IamInstanceProfile {
    const role = new Role(this, "Role", {
      assumedBy: { type: "Service", identifiers: ["ec2.amazonaws.com"] },
      description: "Lets Systems Manager reach the bastion of the database",
    });
    role.addToPolicy({
      actions: [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ],
      resources: ["*"],
    });
    const profile = new IamInstanceProfile(this, "InstanceProfile", { name: iamName(this, 128), role: role.roleName });
    keepNames(profile, "name");
    return profile;
  }

  /**
   * AWS's document AWS-StartPortForwardingSessionToRemoteHost with host and port as constants.
   *
   * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-schema.html
   */
  private sessionDocument(): SsmDocument {
    const { database } = this.props;
    const document = new SsmDocument(this, "SessionDocument", {
      name: physicalName(this, 128),
      documentType: "Session",
      documentFormat: "JSON",
      content: Fn.jsonencode({
        schemaVersion: "1.0",
        description: "A tunnel to the metadata database",
        sessionType: "Port",
        parameters: {
          localPortNumber: {
            type: "String",
            description: "Port of this machine; 0 takes a free one",
            allowedPattern: "^[0-9]{1,5}$",
            default: "0",
          },
        },
        properties: {
          host: expressionString(database.endpoint),
          portNumber: expressionString(`${database.port}`),
          type: "LocalPortForwarding",
          localPortNumber: "{{ localPortNumber }}",
        },
      }),
    });
    keepNames(document, "name");
    return document;
  }
}

function checkInstanceType(scope: Construct, instanceType: string): void {
  if (Token.isUnresolved(instanceType)) {
    throw new ValidationError(scope, "instanceType must be known at synth: it chooses the image, got a token");
  }
  checkPattern(
    scope,
    "instanceType",
    instanceType,
    /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/,
    "an EC2 instance type such as t4g.nano",
  );
}

/**
 * The public parameter of the current Amazon Linux 2023: Graviton's types have a `g` after the number of the generation.
 *
 * @see https://docs.aws.amazon.com/linux/al2023/ug/ec2.html
 */
function imageParameter(instanceType: string): string {
  const architecture = /^[a-z]+\d+g/.test(instanceType) ? "arm64" : "x86_64";
  return `/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${architecture}`;
}
