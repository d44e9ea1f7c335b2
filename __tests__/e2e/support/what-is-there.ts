import { LOCAL_REGION } from "../../../local/environment/aws-clients";

/** Calls that list what an account holds: the service that signs it, and the body with its headers. */
const LISTINGS: Record<string, { service: string; target?: string; body?: string }> = {
  buckets: { service: "s3" },
  databases: { service: "rds", body: "Action=DescribeDBInstances&Version=2014-10-31" },
  roles: { service: "iam", body: "Action=ListRoles&Version=2010-05-08" },
  networks: { service: "ec2", body: "Action=DescribeVpcs&Version=2016-11-15" },
  secrets: { service: "secretsmanager", target: "secretsmanager.ListSecrets" },
  jobs: { service: "glue", target: "AWSGlue.GetJobs" },
  triggers: { service: "glue", target: "AWSGlue.ListTriggers" },
  "log groups": { service: "logs", target: "Logs_20140328.DescribeLogGroups" },
  "names of keys": { service: "kms", target: "TrentService.ListAliases" },
};

/** The kinds of resources of which the emulator holds one whose name has `text` in it. */
export async function kindsWith(emulatorUrl: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const [kind, { service, target, body = "{}" }] of Object.entries(LISTINGS)) {
    const authorization = `AWS4-HMAC-SHA256 Credential=local/20260101/${LOCAL_REGION}/${service}/aws4_request, Signature=0`;
    const contentType = target === undefined ? "application/x-www-form-urlencoded" : "application/x-amz-json-1.1";
    const answer = await fetch(emulatorUrl, {
      ...(service === "s3" ? { method: "GET" } : { method: "POST", body }),
      headers: { authorization, "content-type": contentType, ...(target && { "x-amz-target": target }) },
    });
    const listing = await answer.text();
    if (!answer.ok) throw new Error(`${kind}: ${answer.status} ${listing.slice(0, 500)}`);
    if (listing.includes(text)) found.push(kind);
  }
  return found;
}

/** Every kind that is looked for. */
export const KINDS = Object.keys(LISTINGS);
