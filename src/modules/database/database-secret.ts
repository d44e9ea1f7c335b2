import { Construct } from "constructs";
import { Fn, Token } from "cdktf";
import { SecretsmanagerSecret } from "@cdktf/provider-aws/lib/secretsmanager-secret";
import { SecretsmanagerSecretVersion } from "@cdktf/provider-aws/lib/secretsmanager-secret-version";
import type { IDataLakeKey } from "../common/data-lake-key";
import { writeBesideHcl } from "../common/beside-hcl";
import { EphemeralResource } from "../common/ephemeral-resource";
import type { IGrantee } from "../common/grantee";
import { checkTargetVersions } from "../common/target-versions";
import { TerraformData } from "../common/terraform-data";

/** A secret that holds how to log in as one database user, in the shape that RDS, Glue and the AWS SDKs know. */
export interface IDatabaseSecret {
  /** The user's name in MySQL. */
  readonly username: string;
  /** The secret's ARN, with the six characters that Secrets Manager adds to it. */
  readonly secretArn: string;
  /** A number that is another one after each new password; for `password_wo_version`. */
  readonly passwordVersion: number;
  /** Lets a role or user read the secret, and decrypt it. */
  grantRead(grantee: IGrantee): void;
}

/** Properties of {@link DatabaseSecret}. */
export interface DatabaseSecretProps {
  /** The user's name in MySQL. */
  readonly username: string;
  /** Start of the secret's name; a time follows, so that a deleted secret that waits does not hold the name. */
  readonly secretNamePrefix: string;
  /** The server's name. */
  readonly host: string;
  /** Identity of the server at plan time; its host name may be known only after an apply. */
  readonly serverId: string;
  /** The server's port. */
  readonly port: number;
  /** The schema to use. */
  readonly databaseName: string;
  /** The number of the password, raised to get a new one. */
  readonly passwordVersion: number;
  /** Days that a deleted secret can be had back: 7 to 30, or 0 for none. */
  readonly recoveryWindowInDays: number;
  /**
   * The KMS key that the secret is encrypted with.
   * @default - the account's key `aws/secretsmanager`
   */
  readonly encryptionKey?: IDataLakeKey;
}

/** Hexadecimal digits of the version's id that make the number of a password; 32 bits hold them. */
const VERSION_DIGITS = 7;

/**
 * The secret of one database user. The password is drawn by Secrets Manager, passes through Terraform's memory and is
 * written to no state and no plan: it comes from an ephemeral resource and goes into a write-only argument.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
 */
export class DatabaseSecret extends Construct implements IDatabaseSecret {
  readonly username: string;
  readonly secretArn: string;
  readonly passwordVersion: number;
  /** The schema that the secret names. */
  readonly databaseName: string;

  private readonly encryptionKey?: IDataLakeKey;

  constructor(scope: Construct, id: string, props: DatabaseSecretProps) {
    super(scope, id);
    checkTargetVersions(this);
    this.username = props.username;
    this.databaseName = props.databaseName;
    this.encryptionKey = props.encryptionKey;

    const secret = new SecretsmanagerSecret(this, "Resource", {
      namePrefix: props.secretNamePrefix,
      description: `Log-in of the database user ${props.username}`,
      kmsKeyId: props.encryptionKey?.keyArn,
      recoveryWindowInDays: props.recoveryWindowInDays,
      // A secret keeps the name that it has: another one would make a new secret, which its readers do not know.
      lifecycle: { ignoreChanges: ["name", "name_prefix"] },
    });
    const { username, serverId, port, databaseName } = props;
    // A write-only value cannot be compared. This copy can: a change of it writes the secret anew.
    const content = new TerraformData(this, "Content", {
      input: { username, server: serverId, port, dbname: databaseName },
    });
    const password = new EphemeralResource(this, "Password", {
      type: "aws_secretsmanager_random_password",
      // Without punctuation the password needs no escaping in an ini file, a URL or a shell: 40 of 62 characters are
      // 238 bits.
      arguments: { password_length: 40, exclude_punctuation: true },
    });
    const version = new SecretsmanagerSecretVersion(this, "Version", {
      secretId: secret.arn,
      secretStringWo: Fn.jsonencode({
        engine: "mysql",
        host: props.host,
        port: props.port,
        username: props.username,
        password: password.attribute("random_password"),
        dbname: props.databaseName,
      }),
      secretStringWoVersion: props.passwordVersion,
      lifecycle: { replaceTriggeredBy: [`${content.terraformResourceType}.${content.friendlyUniqueId}`] },
    });
    writeBesideHcl(version);
    this.passwordVersion = Token.asNumber(Fn.parseint(Fn.substr(Fn.sha256(version.versionId), 0, VERSION_DIGITS), 16));
    // By way of the version: readers wait until the secret has a value.
    this.secretArn = version.secretId;
  }

  grantRead(grantee: IGrantee): void {
    grantee.addToPolicy({
      actions: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
      resources: [this.secretArn],
    });
    this.encryptionKey?.grantDecrypt(grantee, "secretsmanager");
  }
}
