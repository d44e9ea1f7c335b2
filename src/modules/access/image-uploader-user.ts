import { Construct } from "constructs";
import { Annotations } from "cdktf";
import { IamUser } from "@cdktf/provider-aws/lib/iam-user";
import { IamUserPolicy } from "@cdktf/provider-aws/lib/iam-user-policy";
import { checkConstructProps } from "../common/construct-props";
import { type AwsConstructProps, applyAwsProps } from "../common/aws-provider";
import { checkPattern } from "../common/checks";
import type { IGrantee } from "../common/grantee";
import type { ImageUploaderProps } from "./image-uploader";
import { grantImageUpload } from "./image-uploader";
import { iamName, keepNames } from "../common/kept-name";
import { physicalName } from "../common/physical-name";
import type { PolicyStatement } from "../common/policy-document";
import { PolicyDocument } from "../common/policy-document";

/** Properties of {@link ImageUploaderUser}. */
export interface ImageUploaderUserProps extends ImageUploaderProps, AwsConstructProps {
  /**
   * The user's name: up to 64 letters, digits and `+=,.@_-`.
   * @default - the construct's path and the region
   */
  readonly userName?: string;
}

/**
 * An IAM user for a web app that has no identity AWS could trust. It may list and upload images and read one secret. Its
 * access key is made by a person, never by Terraform, whose state would hold it.
 *
 * @example
 * new ImageUploaderUser(this, "WebApp", { bucket, secret });
 */
export class ImageUploaderUser extends Construct implements IGrantee {
  /** The generated resource, for what this construct does not model. */
  readonly resource: IamUser;
  /** The user's name, for `aws iam create-access-key`. */
  readonly userName: string;

  private readonly policy: PolicyDocument;

  constructor(scope: Construct, id: string, props: ImageUploaderUserProps) {
    super(scope, id);
    applyAwsProps(this, props);
    checkConstructProps(this, props, ["bucket", "secret"]);
    checkPattern(this, "userName", props.userName, /^[\w+=,.@-]{1,64}$/, "1 to 64 letters, digits and +=,.@_-");
    Annotations.of(this).addWarning(
      "an access key of this user works from everywhere until somebody deletes it: use WebIdentityRole where the app has " +
        "an identity",
    );
    this.resource = new IamUser(this, "Resource", {
      name: props.userName ?? iamName(this, 64),
      forceDestroy: true, // its keys are not Terraform's; they go with the user
    });
    if (props.userName === undefined) keepNames(this.resource, "name");
    this.userName = this.resource.name;
    this.policy = new PolicyDocument(this, "Policy");
    const inline = new IamUserPolicy(this, "InlinePolicy", {
      name: physicalName(this, 128),
      user: this.userName,
      policy: this.policy.json,
    });
    keepNames(inline, "name");
    grantImageUpload(this, props);
  }

  addToPolicy(statement: PolicyStatement): void {
    this.policy.add(statement);
  }
}
