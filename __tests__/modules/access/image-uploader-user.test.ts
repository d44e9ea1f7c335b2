import type { TerraformStack } from "cdktf";
import type { ImageUploaderUserProps } from "../../../src/modules/access/image-uploader-user";
import { ImageUploaderUser } from "../../../src/modules/access/image-uploader-user";
import type { IDatabaseSecret } from "../../../src/modules/database/database-secret";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { MetadataSchema } from "../../../src/modules/database/metadata-schema";
import { SchemaUser } from "../../../src/modules/database/schema-user";
import { MysqlProvider } from "../../../src/providers/mysql/provider";
import { refusal, synthesize } from "../../support/synth";
import { APP_RIGHTS, appSecret, encryptedBucket } from "../support/web-app";

const addUser = (stack: TerraformStack, props: Partial<ImageUploaderUserProps> = {}) =>
  new ImageUploaderUser(stack, "WebApp", { bucket: encryptedBucket(stack), secret: appSecret(stack), ...props });

describe("ImageUploaderUser", () => {
  it("is a user whose keys go with it", () => {
    const stack = synthesize((scope) => addUser(scope));
    expect(stack.resource("aws_iam_user")).toEqual({
      name: "test-web-app-eu-central-1",
      force_destroy: true,
      lifecycle: { ignore_changes: ["name"] },
    });
  });

  it("may list and upload images and read one secret, and nothing else", () => {
    const stack = synthesize((scope) => addUser(scope));
    expect(stack.resource("aws_iam_user_policy")).toEqual({
      name: "test-web-app",
      lifecycle: { ignore_changes: ["name"] },
      user: "${aws_iam_user.WebApp.name}",
      policy: "${data.aws_iam_policy_document.WebApp_Policy.json}",
    });
    expect(stack.statements("WebApp_Policy")).toEqual(APP_RIGHTS);
  });

  it("never has an access key or a password that Terraform would know", () => {
    const stack = synthesize((scope) => addUser(scope));
    for (const type of ["aws_iam_access_key", "aws_iam_user_login_profile"]) expect(stack.ids(type)).toEqual([]);
  });

  it("warns", () => {
    expect(synthesize((scope) => addUser(scope)).warnings).toEqual([
      "an access key of this user works from everywhere until somebody deletes it: use WebIdentityRole where the app has " +
        "an identity",
    ]);
  });

  it("warns where the app's schema has no user for its secret, or names another database than the secret", () => {
    const warnings = (users: (secret: IDatabaseSecret) => SchemaUser[], databaseName = "x_ray") =>
      synthesize((scope) => {
        const secret = appSecret(scope);
        new ImageUploaderUser(scope, "WebApp", { bucket: new DataLakeBucket(scope, "Bucket"), secret });
        new MysqlProvider(scope, "Mysql");
        new MetadataSchema(scope, "Schema", { databaseName, users: users(secret) });
      }).warnings.slice(1);
    expect(warnings((secret) => [SchemaUser.app(secret)])).toEqual([]);
    expect(warnings(() => [])).toEqual([
      'no MetadataSchema has a SchemaUser for "xray_app", which the web app logs in as: MySQL would refuse it',
    ]);
    expect(warnings((secret) => [SchemaUser.app(secret)], "lung")).toEqual([
      'databaseName "lung" is not the one that the users\' secrets hold, "x_ray": clients that take it from there find no ' +
        "tables; give MetadataDatabase and MetadataSchema the same",
    ]);
  });

  it("takes further rights into the same policy", () => {
    const stack = synthesize((scope) =>
      addUser(scope).addToPolicy({ actions: ["s3:GetObject"], resources: ["arn:aws:s3:::clinic/readme"] }),
    );
    expect(stack.statements("WebApp_Policy")).toHaveLength(APP_RIGHTS.length + 1);
    expect(stack.ids("aws_iam_user_policy")).toHaveLength(1);
  });

  it("keeps its addresses", () => {
    const stack = synthesize((scope) => addUser(scope));
    expect(stack.addresses().filter((address) => address.includes("WebApp"))).toMatchInlineSnapshot(`
      [
        "aws_iam_user.WebApp_6EA7032A",
        "aws_iam_user_policy.WebApp_InlinePolicy_06CE0A3E",
        "data.aws_iam_policy_document.WebApp_Policy_FF280B9B",
      ]
    `);
  });

  it.each(["", "a b", "a".repeat(65)])("refuses the name %j", (userName) => {
    expect(refusal((scope) => addUser(scope, { userName }))).toBe(
      `test/WebApp: userName must be 1 to 64 letters, digits and +=,.@_-, got "${userName}"`,
    );
  });
});
