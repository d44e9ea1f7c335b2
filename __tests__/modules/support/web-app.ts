import type { TerraformStack } from "cdktf";
import { DataLakeBucket } from "../../../src/modules/storage/data-lake-bucket";
import { DataLakeKey } from "../../../src/modules/common/data-lake-key";
import { DatabaseSecret } from "../../../src/modules/database/database-secret";

export function encryptedBucket(stack: TerraformStack): DataLakeBucket {
  return new DataLakeBucket(stack, "Bucket", { encryptionKey: DataLakeKey.fromKeyArn(stack, "ImageKey", IMAGE_KEY) });
}

export function appSecret(stack: TerraformStack): DatabaseSecret {
  return new DatabaseSecret(stack, "AppSecret", {
    username: "xray_app",
    secretNamePrefix: "x-ray/xray_app-",
    host: "db.example.org",
    serverId: "db.example.org",
    port: 3306,
    databaseName: "x_ray",
    passwordVersion: 1,
    recoveryWindowInDays: 30,
    encryptionKey: DataLakeKey.fromKeyArn(stack, "SecretKey", SECRET_KEY),
  });
}

const IMAGE_KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-1111-1111-1111-111111111111";
const SECRET_KEY = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222";
const through = (service: string, key: string) => [
  {
    test: "StringEquals",
    variable: "kms:ViaService",
    values: [`${service}.\${element(split(":", "${key}"), 3)}.amazonaws.com`],
  },
];

/** Rights of the web app, as a role and as a user. */
export const APP_RIGHTS = [
  { actions: ["s3:GetBucketLocation"], resources: ["${aws_s3_bucket.Bucket.arn}"] },
  {
    actions: ["s3:ListBucket"],
    resources: ["${aws_s3_bucket.Bucket.arn}"],
    condition: [{ test: "StringLike", variable: "s3:prefix", values: ["xray-images", "xray-images/*"] }],
  },
  {
    actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
    resources: ['${join("/", [aws_s3_bucket.Bucket.arn, "xray-images", "*"])}'],
  },
  {
    actions: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
    resources: [IMAGE_KEY],
    condition: through("s3", IMAGE_KEY),
  },
  {
    actions: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
    resources: ["${aws_secretsmanager_secret_version.AppSecret_Version.secret_id}"],
  },
  {
    actions: ["kms:Decrypt", "kms:DescribeKey"],
    resources: [SECRET_KEY],
    condition: through("secretsmanager", SECRET_KEY),
  },
];
