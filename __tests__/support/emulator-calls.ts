import { LOCAL_REGION } from "../../local/environment/aws-clients";

/** Services that speak JSON, by the name that they sign with, and the name before an action. */
const TARGETS = {
  events: "AWSEvents",
  glue: "AWSGlue",
  kms: "TrentService",
  logs: "Logs_20140328",
  monitoring: "GraniteServiceVersion20100801",
  secretsmanager: "secretsmanager",
  sqs: "AmazonSQS",
} as const;

/** Services that take a form and answer in XML, and the version of their API. */
const QUERY_VERSIONS = { ec2: "2016-11-15", iam: "2010-05-08", rds: "2014-10-31", sts: "2011-06-15" } as const;

/** Calls an action of the emulator's in AWS's JSON protocol: this repository needs no client of these services elsewhere. */
export async function callAws<Answer>(
  endpoint: string,
  service: keyof typeof TARGETS,
  action: string,
  input: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const text = await send(endpoint, service, action, JSON.stringify(input), {
    "content-type": `application/x-amz-json-1.${service === "sqs" || service === "monitoring" ? 0 : 1}`,
    "x-amz-target": `${TARGETS[service]}.${action}`,
    ...headers,
  });
  return JSON.parse(text === "" ? "{}" : text) as Answer;
}

/** Calls an action of the emulator's in AWS's query protocol; the answer is XML. */
export function queryAws(
  endpoint: string,
  service: keyof typeof QUERY_VERSIONS,
  action: string,
  parameters: Record<string, string> = {},
): Promise<string> {
  const form = new URLSearchParams({ Action: action, Version: QUERY_VERSIONS[service], ...parameters });
  return send(endpoint, service, action, form, {});
}

/** The emulator reads a service's name from a signature, and does not look at the signature itself. */
async function send(
  endpoint: string,
  service: string,
  action: string,
  body: BodyInit,
  headers: Record<string, string>,
): Promise<string> {
  const authorization = `AWS4-HMAC-SHA256 Credential=local/20260101/${LOCAL_REGION}/${service}/aws4_request, Signature=0`;
  const response = await fetch(endpoint, { method: "POST", headers: { authorization, ...headers }, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${service} ${action}: ${response.status} ${text.slice(0, 500)}`);
  return text;
}
