import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

// The SDK's word about the age of Node is for who chooses the SDK, not for who runs the demo.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";

/** The region of the environment `local`. */
export const LOCAL_REGION = "eu-central-1";

const credentials = { accessKeyId: "local", secretAccessKey: "local" };

/** A client of the emulator's S3. */
export function s3Client(endpoint: string): S3Client {
  return new S3Client({ endpoint, region: LOCAL_REGION, credentials, forcePathStyle: true });
}

/** Puts an object and reads it back. */
export async function roundTrip(endpoint: string, bucket: string, key: string, body: Buffer): Promise<Buffer> {
  const s3 = s3Client(endpoint);
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ContentType: "image/png" }));
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** Reads secrets of the emulator. */
export class LocalSecrets {
  private readonly client: SecretsManagerClient;

  constructor(endpoint: string) {
    this.client = new SecretsManagerClient({ endpoint, region: LOCAL_REGION, credentials });
  }

  /** The text of one secret. */
  async read(secretId: string): Promise<string> {
    const { SecretString } = await this.client.send(new GetSecretValueCommand({ SecretId: secretId }));
    return SecretString ?? "";
  }

  /** The names of all. */
  async names(): Promise<string[]> {
    const { SecretList = [] } = await this.client.send(new ListSecretsCommand({ MaxResults: 100 }));
    return SecretList.map(({ Name = "" }) => Name).sort();
  }
}
