import { AccessLogsBucket } from "../../../src/modules/storage/access-logs-bucket";
import { refusal, synthesize } from "../../support/synth";

test("keeps log files for 400 days, SSE-S3 encrypted", () => {
  const stack = synthesize((scope) => void new AccessLogsBucket(scope, "Logs"));
  expect(stack.resource("aws_s3_bucket_lifecycle_configuration")).toEqual({
    bucket: "${aws_s3_bucket.Logs.id}",
    rule: [
      {
        id: "expire-logs",
        status: "Enabled",
        filter: [{ prefix: "" }],
        expiration: [{ days: 400 }],
        noncurrent_version_expiration: [{ noncurrent_days: 1 }],
        abort_incomplete_multipart_upload: [{ days_after_initiation: 1 }],
      },
    ],
    depends_on: ["aws_s3_bucket_versioning.Logs_Versioning"],
  });
  expect(stack.resource("aws_s3_bucket_server_side_encryption_configuration").rule).toEqual([
    { apply_server_side_encryption_by_default: { sse_algorithm: "AES256" }, bucket_key_enabled: false },
  ]);
});

test("expirationDays", () => {
  const stack = synthesize((scope) => void new AccessLogsBucket(scope, "Logs", { expirationDays: 30 }));
  expect(stack.resource("aws_s3_bucket_lifecycle_configuration").rule).toMatchObject([{ expiration: [{ days: 30 }] }]);
  expect(refusal((scope) => new AccessLogsBucket(scope, "Logs", { expirationDays: 0 }))).toBe(
    "test/Logs: expirationDays must be a whole number from 1 to 3650, got 0",
  );
});
