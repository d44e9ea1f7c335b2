import type { Construct } from "constructs";
import { checkConstructProps } from "../common/construct-props";
import type { AwsConstructProps } from "../common/aws-provider";
import { checkPattern, checkProps } from "../common/checks";
import type { ImageUploaderProps } from "./image-uploader";
import { grantImageUpload } from "./image-uploader";
import { Role } from "../common/role";

/** Properties of {@link WebIdentityRole}. */
export interface WebIdentityRoleProps extends ImageUploaderProps, AwsConstructProps {
  /**
   * The Google service account's numeric unique id, 21 digits. Not its e-mail address, which somebody else can get after the
   * account is deleted.
   * @see https://cloud.google.com/iam/docs/service-accounts-list-edit
   */
  readonly googleServiceAccountId: string;
  /**
   * The audience that the app asks Google to write into its identity token.
   * @default "sts.amazonaws.com"
   */
  readonly audience?: string;
  /**
   * The role's name: up to 64 letters, digits and `+=,.@_-`.
   * @default - the construct's path and the region
   */
  readonly roleName?: string;
}

/** AWS knows Google: an identity provider made for it would be another one, and tokens would be refused. */
const PROVIDER = "accounts.google.com";

/**
 * The role of a web app on Google Cloud: its service account logs in to AWS with an identity token, so that there is no
 * access key to lose. It may list and upload images and read one secret.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
 *
 * @example
 * new WebIdentityRole(this, "WebApp", { bucket, secret, googleServiceAccountId: "104752890112345678901" });
 */
export class WebIdentityRole extends Role {
  constructor(scope: Construct, id: string, props: WebIdentityRoleProps) {
    checkProps(scope, id, props);
    const { audience = "sts.amazonaws.com" } = props;
    // The check below refuses an empty one; plain JavaScript may give none.
    const googleServiceAccountId = (props.googleServiceAccountId as string | undefined) ?? "";
    // AWS reads Google's `azp` as `aud`, and Google's `aud` as `oaud`. The audience alone lets everybody in: each Google
    // account can ask for a token with any.
    const claims = { aud: googleServiceAccountId, oaud: audience, sub: googleServiceAccountId };
    super(scope, id, {
      namePath: props.namePath,
      provider: props.provider,
      roleName: props.roleName,
      description: "The web app, by the identity of its Google service account",
      assumedBy: { type: "Federated", identifiers: [PROVIDER] },
      assumeRoleAction: "sts:AssumeRoleWithWebIdentity",
      conditions: Object.entries(claims).map(([claim, value]) => ({
        test: "StringEquals",
        variable: `${PROVIDER}:${claim}`,
        values: [value],
      })),
    });
    checkPattern(
      this,
      "googleServiceAccountId",
      googleServiceAccountId,
      /^\d{18,24}$/,
      "the numeric unique id of a service account, about 21 digits",
    );
    checkPattern(
      this,
      "audience",
      audience,
      /^[^\s*?"\\{}]{1,255}$/,
      "1 to 255 characters without blanks, quotes, braces and wildcards",
    );
    checkConstructProps(this, props, ["bucket", "secret"]);
    grantImageUpload(this, props);
  }
}
