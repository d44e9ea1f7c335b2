import { Construct } from "constructs";
import { Fn } from "cdktf";
import { KmsAlias } from "@cdktf/provider-aws/lib/kms-alias";
import { KmsKey } from "@cdktf/provider-aws/lib/kms-key";
import { KmsKeyPolicy } from "@cdktf/provider-aws/lib/kms-key-policy";
import { arnScope } from "./expression";
import { type AwsConstructProps, applyAwsProps } from "./aws-provider";
import { checkInteger, checkPattern } from "./checks";
import { keepNames } from "./kept-name";
import { pathText, physicalName } from "./physical-name";
import type { PolicyStatement } from "./policy-document";
import { PolicyDocument } from "./policy-document";
import type { IGrantee } from "./grantee";

/** A KMS key that other constructs encrypt with. */
export interface IDataLakeKey {
  /** The key's ARN. */
  readonly keyArn: string;
  /** Lets a role or user read what the key encrypts, through the one AWS service that holds the data. */
  grantDecrypt(grantee: IGrantee, service: string): void;
  /** Lets a role or user write and read what the key encrypts, through the one AWS service that holds the data. */
  grantEncryptDecrypt(grantee: IGrantee, service: string): void;
  /**
   * Adds statements to the key's policy.
   * @default - none: the key was made elsewhere, and its policy with it
   */
  addToResourcePolicy?(...statements: PolicyStatement[]): void;
}

/** Properties of {@link DataLakeKey}. */
export interface DataLakeKeyProps extends AwsConstructProps {
  /**
   * Days that a deleted key waits, 7 to 30; what it encrypts can be read again only if the deletion is cancelled by then.
   * @default 30
   */
  readonly deletionWindowInDays?: number;
  /**
   * Makes Terraform refuse to destroy the key. Without the key, the data that it encrypts cannot be read.
   * @default true
   */
  readonly preventDestroy?: boolean;
}

abstract class KeyBase extends Construct implements IDataLakeKey {
  abstract readonly keyArn: string;

  /** Read once: a second token of the same text would make a second statement of the same grant. */
  private region?: string;

  grantDecrypt(grantee: IGrantee, service: string): void {
    this.grant(grantee, service, ["kms:Decrypt", "kms:DescribeKey"]);
  }

  grantEncryptDecrypt(grantee: IGrantee, service: string): void {
    this.grant(grantee, service, ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]);
  }

  private grant(grantee: IGrantee, service: string, actions: string[]): void {
    this.region ??= arnScope(this.keyArn).region;
    grantee.addToPolicy({
      actions,
      resources: [this.keyArn],
      conditions: [
        {
          test: "StringEquals",
          variable: "kms:ViaService",
          values: [`${service}.${this.region}.amazonaws.com`],
        },
      ],
    });
  }
}

/**
 * The customer managed key of a data lake: bucket, database, secrets, logs and alarms. It rotates each year.
 *
 * @see https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
 */
export class DataLakeKey extends KeyBase {
  /** A key that was made elsewhere, by its own ARN: IAM ignores an alias. Its own policy must let the account's roles and CloudWatch Logs use it. */
  static fromKeyArn(scope: Construct, id: string, keyArn: string): IDataLakeKey {
    class Import extends KeyBase {
      readonly keyArn = keyArn;
    }
    const key = new Import(scope, id);
    checkPattern(
      key,
      "keyArn",
      keyArn,
      /^arn:aws(-us-gov)?:kms:[a-z]{2}(-[a-z]+)+-\d:\d{12}:key\/[A-Za-z0-9-]+$/,
      "the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab: policies " +
        "take no alias and no bare id, and aws kms describe-key --key-id <alias or id> prints the ARN",
    );
    return key;
  }

  /** The generated resource, for what this construct does not model. */
  readonly resource: KmsKey;
  /** The key's ARN. */
  readonly keyArn: string;

  private readonly policyDocument: PolicyDocument;

  constructor(scope: Construct, id: string, props: DataLakeKeyProps = {}) {
    super(scope, id);
    applyAwsProps(this, props);
    checkInteger(this, "deletionWindowInDays", props.deletionWindowInDays, 7, 30);
    this.resource = new KmsKey(this, "Resource", {
      description: `Encrypts the data of ${pathText(this)}`,
      enableKeyRotation: true,
      deletionWindowInDays: props.deletionWindowInDays ?? 30,
      lifecycle: { preventDestroy: props.preventDestroy ?? true },
    });
    const alias = new KmsAlias(this, "Alias", {
      name: `alias/${physicalName(this, 250)}`,
      targetKeyId: this.resource.keyId,
    });
    keepNames(alias, "name");
    // A resource of its own: it takes the account from the key's ARN instead of asking AWS for it at plan.
    this.policyDocument = new PolicyDocument(this, "PolicyDocument", this.keyPolicy());
    const policy = new KmsKeyPolicy(this, "Policy", { keyId: this.resource.keyId, policy: this.policyDocument.json });
    // By way of the policy: users of the key, such as a log group, wait until the policy allows them.
    this.keyArn = Fn.join("/", [Fn.element(Fn.split("/", this.resource.arn), 0), policy.keyId]);
  }

  /** Adds statements to the key's policy. */
  addToResourcePolicy(...statements: PolicyStatement[]): void {
    this.policyDocument.add(...statements);
  }

  private keyPolicy(): PolicyStatement[] {
    const { partition, region, account } = arnScope(this.resource.arn);
    const dataActions = ["kms:Decrypt", "kms:GenerateDataKey*"];
    return [
      {
        sid: "Account",
        actions: ["kms:*"],
        resources: ["*"],
        principals: [{ type: "AWS", identifiers: [`arn:${partition}:iam::${account}:root`] }],
      },
      {
        sid: "Logs",
        actions: [...dataActions, "kms:Encrypt*", "kms:ReEncrypt*", "kms:Describe*"],
        resources: ["*"],
        principals: [{ type: "Service", identifiers: [`logs.${region}.amazonaws.com`] }],
        conditions: [
          {
            test: "ArnLike",
            variable: "kms:EncryptionContext:aws:logs:arn",
            values: [`arn:${partition}:logs:${region}:${account}:*`],
          },
        ],
      },
      {
        sid: "Alarms",
        actions: dataActions,
        resources: ["*"],
        principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
        conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [account] }],
      },
      // Without a condition: EventBridge fills none in when it publishes to an encrypted topic.
      {
        sid: "Events",
        actions: dataActions,
        resources: ["*"],
        principals: [{ type: "Service", identifiers: ["events.amazonaws.com"] }],
      },
    ];
  }
}
