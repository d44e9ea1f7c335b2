import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { GetBucketEncryptionCommand, GetBucketPolicyCommand } from "@aws-sdk/client-s3";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { LOCAL_REGION, s3Client } from "../../../local/environment/aws-clients";
import { ACCOUNT, type AuthorizationRequest, authorizationRequests } from "../../support/aws-calls/authorization";
import type { AwsCall } from "../../support/aws-calls/aws-call";
import { queryAws } from "../../support/emulator-calls";
import { RecordingProxy } from "../../support/aws-calls/recording-proxy";

const credentials = { accessKeyId: "local", secretAccessKey: "local" };
const KEY_POLICY = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
};

/** Key pair of a role's session, as environment variables. */
export interface Session {
  readonly AWS_ACCESS_KEY_ID: string;
  readonly AWS_SECRET_ACCESS_KEY: string;
  readonly AWS_SESSION_TOKEN: string;
}

/**
 * The emulator behind a proxy that judges each call of a role's session by the role's policies, as IAM on the emulator has them,
 * and by the bucket's policy; reading and writing encrypted data asks for the key too.
 */
export class EnforcedAccount {
  private readonly roles = new Map<string, { name: string; policies: object[] }>();
  private readonly iam: IAMClient;
  private readonly bucketPolicies = new Map<string, object>();
  private keyArn = "";

  private constructor(private readonly emulatorUrl: string) {
    this.iam = new IAMClient({ endpoint: emulatorUrl, region: LOCAL_REGION, credentials });
  }

  proxy!: RecordingProxy;

  /** @param buckets those of the lake, all under one key or none */
  static async start(emulatorUrl: string, ...buckets: string[]): Promise<EnforcedAccount> {
    const account = new EnforcedAccount(emulatorUrl);
    const s3 = s3Client(emulatorUrl);
    for (const bucket of buckets) {
      const { Policy = "{}" } = await s3.send(new GetBucketPolicyCommand({ Bucket: bucket }));
      account.bucketPolicies.set(bucket, JSON.parse(Policy) as object);
      const { ServerSideEncryptionConfiguration } = await s3.send(new GetBucketEncryptionCommand({ Bucket: bucket }));
      account.keyArn =
        ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID ?? "";
    }
    account.proxy = await RecordingProxy.start(emulatorUrl, (call, key) => account.judge(call, key));
    return account;
  }

  /** Begins a session of a role, whose policies are read as they are now. */
  async assume(roleName: string): Promise<Session> {
    const answer = await queryAws(this.emulatorUrl, "sts", "AssumeRole", {
      RoleArn: `arn:aws:iam::${ACCOUNT}:role/${roleName}`,
      RoleSessionName: "enforced",
    });
    const field = (name: string): string => new RegExp(`<${name}>([^<]+)</${name}>`).exec(answer)?.[1] ?? "";
    const { PolicyNames = [] } = await this.iam.send(new ListRolePoliciesCommand({ RoleName: roleName }));
    const policies = await Promise.all(
      PolicyNames.map(async (PolicyName) => {
        const { PolicyDocument = "" } = await this.iam.send(
          new GetRolePolicyCommand({ RoleName: roleName, PolicyName }),
        );
        return JSON.parse(decodeURIComponent(PolicyDocument)) as object;
      }),
    );
    this.roles.set(field("AccessKeyId"), { name: roleName, policies });
    return {
      AWS_ACCESS_KEY_ID: field("AccessKeyId"),
      AWS_SECRET_ACCESS_KEY: field("SecretAccessKey"),
      AWS_SESSION_TOKEN: field("SessionToken"),
    };
  }

  private async judge(call: AwsCall, accessKeyId: string): Promise<string | undefined> {
    const role = this.roles.get(accessKeyId);
    if (role === undefined) return `nobody's key ${accessKeyId}`;
    if (call.action === "sts:GetCallerIdentity") return undefined;
    for (const request of this.requests(call)) {
      if (!(await this.isAllowed(role, request)))
        return `${role.name} is not authorized to perform: ${request.action} on ${request.resource}`;
    }
    return undefined;
  }

  /** Questions about the call, and about the key that its data is under. */
  private requests(call: AwsCall): AuthorizationRequest[] {
    const parameters = call.parameters as Record<string, string>;
    const { prefix = "", IfNoneMatch, IfMatch, SSECustomerAlgorithm, BypassGovernanceRetention } = parameters;
    const context: Record<string, string> = {
      ...(/^s3:ListBucket(Versions)?$/.test(call.action) && { "s3:prefix": prefix }),
      ...(IfNoneMatch !== undefined && { "s3:if-none-match": IfNoneMatch }),
      ...(IfMatch !== undefined && { "s3:if-match": IfMatch }),
      ...(SSECustomerAlgorithm !== undefined && {
        "s3:x-amz-server-side-encryption-customer-algorithm": SSECustomerAlgorithm,
      }),
      ...(call.action === "s3:PutObject" && { "s3:ObjectCreationOperation": "true" }),
    };
    const asked = authorizationRequests(call, {}).map((one) => ({ ...one, context: { ...one.context, ...context } }));
    if (BypassGovernanceRetention === "true")
      return asked.flatMap((one) => [one, { ...one, action: "s3:BypassGovernanceRetention" }]);
    if (this.keyArn === "" || !/^s3:(Get|Put)Object$|^secretsmanager:GetSecretValue$/.test(call.action)) return asked;
    // Only the buckets of the lake are under the key, and what S3 tells of an object without its content is not.
    const { Bucket, Method } = parameters;
    if (Method === "HEAD" || (Bucket !== undefined && !this.bucketPolicies.has(Bucket))) return asked;
    const via = call.action.startsWith("s3:") ? "s3" : "secretsmanager";
    return [
      ...asked,
      {
        action: call.action === "s3:PutObject" ? "kms:GenerateDataKey" : "kms:Decrypt",
        resource: this.keyArn,
        context: { "kms:ViaService": `${via}.${LOCAL_REGION}.amazonaws.com`, "kms:CallerAccount": ACCOUNT },
      },
    ];
  }

  private async isAllowed(
    { name, policies }: { name: string; policies: object[] },
    { action, resource, context }: AuthorizationRequest,
  ): Promise<boolean> {
    const bucket = /^arn:aws:s3:::([^/]+)/.exec(resource)?.[1] ?? "";
    const resourcePolicy = this.bucketPolicies.get(bucket) ?? (resource.includes(":key/") ? KEY_POLICY : undefined);
    const result = await runSimulation(
      {
        identityPolicies: policies.map((policy, index) => ({ name: `${index}`, policy })),
        serviceControlPolicies: [],
        resourceControlPolicies: [],
        ...(resourcePolicy && { resourcePolicy }),
        request: {
          action,
          principal: `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/enforced`,
          resource: { resource, accountId: ACCOUNT },
          // The emulator speaks plain HTTP on the loopback interface; here each request counts as one over TLS 1.3.
          contextVariables: {
            "aws:SecureTransport": "true",
            "s3:TlsVersion": "1.3",
            "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT}:role/${name}`,
            ...context,
          },
        },
      },
      {},
    );
    if (result.resultType === "wildcard") return result.overallResult === "Allowed";
    if (result.resultType !== "single") throw new Error(`${action} on ${resource}: ${JSON.stringify(result)}`);
    return result.result.analysis.result === "Allowed";
  }
}
