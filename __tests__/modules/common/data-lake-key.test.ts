import type { TerraformStack } from "cdktf";
import { TerraformOutput, TerraformVariable } from "cdktf";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { refusal, synthesize } from "../../support/synth";

const field = (index: number) => `\${element(split(":", aws_kms_key.Key.arn), ${index})}`;

describe("DataLakeKey", () => {
  const stack = synthesize((scope) => void new DataLakeKey(scope, "Key"));

  it("is named by way of its policy, so that who names it may use it", () => {
    const named = synthesize((scope) => {
      new TerraformOutput(scope, "arn", { value: new DataLakeKey(scope, "Key").keyArn });
    });
    expect(named.text).toMatch(
      /element\(split\(\\"\/\\", aws_kms_key\.Key_\w+\.arn\), 0\), aws_kms_key_policy\.Key_Policy_\w+\.key_id/,
    );
  });

  it("rotates, and is kept", () => {
    expect(stack.resource("aws_kms_key")).toEqual({
      description: "Encrypts the data of test/Key",
      deletion_window_in_days: 30,
      enable_key_rotation: true,
      lifecycle: { prevent_destroy: true },
    });
    expect(stack.resource("aws_kms_alias")).toEqual({
      name: "alias/test-key",
      lifecycle: { ignore_changes: ["name"] },
      target_key_id: "${aws_kms_key.Key.key_id}",
    });
  });

  it("is used by the account's roles, by CloudWatch Logs, and by those who publish to an encrypted topic", () => {
    const service = (identifier: string) => [{ type: "Service", identifiers: [identifier] }];
    expect(stack.statements("Key_PolicyDocument")).toEqual([
      {
        sid: "Account",
        actions: ["kms:*"],
        resources: ["*"],
        principals: [{ type: "AWS", identifiers: [`arn:${field(1)}:iam::${field(4)}:root`] }],
      },
      {
        sid: "Logs",
        actions: ["kms:Decrypt", "kms:GenerateDataKey*", "kms:Encrypt*", "kms:ReEncrypt*", "kms:Describe*"],
        resources: ["*"],
        principals: service(`logs.${field(3)}.amazonaws.com`),
        condition: [
          {
            test: "ArnLike",
            variable: "kms:EncryptionContext:aws:logs:arn",
            values: [`arn:${field(1)}:logs:${field(3)}:${field(4)}:*`],
          },
        ],
      },
      {
        sid: "Alarms",
        actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
        resources: ["*"],
        principals: service("cloudwatch.amazonaws.com"),
        condition: [{ test: "StringEquals", variable: "aws:SourceAccount", values: [field(4)] }],
      },
      {
        sid: "Events",
        actions: ["kms:Decrypt", "kms:GenerateDataKey*"],
        resources: ["*"],
        principals: service("events.amazonaws.com"),
      },
    ]);
  });

  it("can be given up sooner", () => {
    const short = synthesize((scope) => {
      new DataLakeKey(scope, "Key", { deletionWindowInDays: 7, preventDestroy: false });
    });
    expect(short.resource("aws_kms_key")).toMatchObject({
      deletion_window_in_days: 7,
      lifecycle: { prevent_destroy: false },
    });
  });

  it.each([6, 31, 7.5])("refuses %d days", (deletionWindowInDays) => {
    expect(refusal((scope) => new DataLakeKey(scope, "Key", { deletionWindowInDays }))).toBe(
      `test/Key: deletionWindowInDays must be a whole number from 7 to 30, got ${deletionWindowInDays}`,
    );
  });
});

describe("imports", () => {
  const arn = "arn:aws:kms:eu-central-1:123456789012:key/";
  const imported = (keyArn: string) => (scope: TerraformStack) => DataLakeKey.fromKeyArn(scope, "Key", keyArn);

  it.each([`${arn}1234abcd-12ab-34cd-56ef-1234567890ab`, `${arn}mrk-1234abcd12ab34cd56ef1234567890ab`])(
    "takes %s",
    (keyArn) => {
      synthesize((scope) => expect(imported(keyArn)(scope).keyArn).toBe(keyArn));
    },
  );

  it("takes GovCloud's, and a token", () => {
    synthesize((scope) => {
      const keyArn = new TerraformVariable(scope, "arn", { type: "string" }).stringValue;
      expect(imported(keyArn)(scope).keyArn).toBe(keyArn);
      DataLakeKey.fromKeyArn(scope, "Gov", "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/1234abcd");
    });
  });

  it.each([
    "alias/xray",
    "arn:aws:kms:eu-central-1:123456789012:alias/xray",
    "1234abcd-12ab-34cd-56ef-1234567890ab",
    "mrk-1234abcd12ab34cd56ef1234567890ab",
    "arn:aws:s3:::bucket",
    "arn:aws:kms:eu-central-1::key/1",
    `${arn}*`,
    "arn:aws-cn:kms:cn-north-1:123456789012:key/1234abcd",
    "",
  ])("refuses %j, which a policy would ignore", (keyArn) => {
    expect(refusal(imported(keyArn))).toBe(
      "test/Key: keyArn must be the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-" +
        "56ef-1234567890ab: policies take no alias and no bare id, and aws kms describe-key --key-id <alias or id> prints " +
        `the ARN, got ${JSON.stringify(keyArn)}`,
    );
  });
});
