import type { IncomingHttpHeaders } from "node:http";

/** One request to AWS, by the name of the IAM action that allows it. */
export interface AwsCall {
  /** For example `rds:CreateDBInstance`. */
  readonly action: string;
  /** Parameters by their names in AWS's API; those of a query protocol are flat, such as `SecurityGroupId.1`. */
  readonly parameters: Record<string, unknown>;
}

/** An HTTP request as a server gets it. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Names of services in a signature that IAM calls by another name. */
const PREFIXES: Record<string, string> = { monitoring: "cloudwatch" };

/** Reads the service from the signature, and action and parameters from the service's protocol. */
export function readCall(request: HttpRequest): AwsCall {
  const scope = /Credential=[^/]+\/\d+\/([\w-]+)\/([\w-]+)\//.exec(request.headers.authorization ?? "");
  const signedFor = scope?.[2];
  if (signedFor === undefined) throw new Error(`a request without a signature: ${request.method} ${request.url}`);
  if (signedFor === "s3") return readS3Call(request);
  const service = PREFIXES[signedFor] ?? signedFor;
  const target = request.headers["x-amz-target"];
  if (typeof target === "string") {
    const parameters = JSON.parse(request.body.toString() || "{}") as Record<string, unknown>;
    return { action: `${service}:${target.split(".").at(-1)}`, parameters };
  }
  const { Action, ...parameters } = Object.fromEntries(new URLSearchParams(request.body.toString()));
  if (Action === undefined) throw new Error(`a request of an unknown protocol: ${request.method} ${request.url}`);
  return { action: `${service}:${Action}`, parameters };
}

/** Sub-resources of a bucket: the words of the IAM actions that read and write them. */
const BUCKET_PARTS: Record<string, string> = {
  accelerate: "AccelerateConfiguration",
  acl: "BucketAcl",
  cors: "BucketCORS",
  encryption: "EncryptionConfiguration",
  lifecycle: "LifecycleConfiguration",
  location: "BucketLocation",
  logging: "BucketLogging",
  notification: "BucketNotification",
  "object-lock": "BucketObjectLockConfiguration",
  ownershipControls: "BucketOwnershipControls",
  policy: "BucketPolicy",
  publicAccessBlock: "BucketPublicAccessBlock",
  replication: "ReplicationConfiguration",
  requestPayment: "BucketRequestPayment",
  tagging: "BucketTagging",
  versioning: "BucketVersioning",
  website: "BucketWebsite",
};

/**
 * S3's requests, by paths with the bucket's name first.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
 */
function readS3Call({ method, url, headers, body }: HttpRequest): AwsCall {
  const { pathname, searchParams: query } = new URL(url, "http://s3");
  const [bucket = "", ...rest] = decodeURIComponent(pathname.slice(1)).split("/");
  const key = rest.join("/");
  const call = (action: string): AwsCall => ({
    action: `s3:${action}`,
    parameters: {
      Bucket: bucket,
      ...(key !== "" && { Key: key }),
      ...(method === "HEAD" && { Method: method }),
      ...preconditions(headers),
      ...Object.fromEntries(query),
    },
  });
  if (bucket === "") return call("ListAllMyBuckets");
  if (key !== "") return call(objectAction(method, query, headers));
  if (query.has("delete")) return call(/<VersionId>/.test(body.toString()) ? "DeleteObjectVersion" : "DeleteObject");
  if (query.has("versions")) return call("ListBucketVersions");
  const part = Object.keys(BUCKET_PARTS).find((name) => query.has(name));
  if (part !== undefined) {
    // The policy alone has a right of its own to delete it; elsewhere deleting is putting nothing.
    const verb = method === "GET" ? "Get" : method === "DELETE" && part === "policy" ? "Delete" : "Put";
    return call(`${verb}${BUCKET_PARTS[part]}`);
  }
  if (method === "PUT") return call("CreateBucket");
  if (method === "DELETE") return call("DeleteBucket");
  return call("ListBucket");
}

/** Headers on which rights depend: write only where no object is, or one of a version; delete below a lock. */
function preconditions(headers: IncomingHttpHeaders): Record<string, string> {
  const { "if-none-match": ifNoneMatch, "if-match": ifMatch, "x-amz-bypass-governance-retention": bypass } = headers;
  return {
    ...(ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }),
    ...(ifMatch !== undefined && { IfMatch: ifMatch }),
    ...(bypass !== undefined && { BypassGovernanceRetention: String(bypass).toLowerCase() }),
  };
}

function objectAction(method: string, query: URLSearchParams, headers: IncomingHttpHeaders): string {
  const part = query.has("tagging") ? "Tagging" : query.has("acl") ? "Acl" : "";
  if (method === "GET" || method === "HEAD") return `Get${query.has("versionId") ? "ObjectVersion" : "Object"}${part}`;
  if (method === "DELETE") return `Delete${query.has("versionId") ? "ObjectVersion" : "Object"}${part}`;
  return headers["x-amz-tagging"] !== undefined && part === "" ? "PutObject" : `PutObject${part}`;
}
