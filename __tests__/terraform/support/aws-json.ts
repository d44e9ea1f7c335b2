import { LOCAL_REGION } from "../../../local/environment/aws-clients";

/** Services by the name that they sign with, and the name before an action. */
const TARGETS = {
  events: "AWSEvents",
  logs: "Logs_20140328",
  monitoring: "GraniteServiceVersion20100801",
  sqs: "AmazonSQS",
} as const;

/** Calls an action of the emulator's in AWS's JSON protocol: this repository needs no client of these services elsewhere. */
export async function callAws<Answer>(
  endpoint: string,
  service: keyof typeof TARGETS,
  action: string,
  input: Record<string, unknown>,
): Promise<Answer> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=local/20260101/${LOCAL_REGION}/${service}/aws4_request, Signature=0`,
      "content-type": `application/x-amz-json-1.${service === "sqs" || service === "monitoring" ? 0 : 1}`,
      "x-amz-target": `${TARGETS[service]}.${action}`,
    },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${service} ${action}: ${response.status} ${text}`);
  return JSON.parse(text === "" ? "{}" : text) as Answer;
}
