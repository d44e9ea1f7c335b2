import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type AuthorizationRequest, authorizationRequests } from "./authorization";
import type { AwsCall } from "./aws-call";

const file = path.join(__dirname, "..", "..", "deployer-calls", "recorded-requests.json");

/** Requests by environment: those of `dev`, and of `full`, which has every construct and changes each of them. */
export type RecordedRequests = Record<"dev" | "full", AuthorizationRequest[]>;

/** Tags that the stacks of an environment give their resources. */
export function tagsOf(environment: string): Record<string, string> {
  return { Project: "xray-data-lake", Environment: environment };
}

/** The requests of calls, each once, with `1` in the place of what each deploy draws anew. */
export function distinctRequests(calls: readonly AwsCall[], environment: string): AuthorizationRequest[] {
  const requests = new Map<string, AuthorizationRequest>();
  for (const call of calls) {
    for (const request of authorizationRequests(call, tagsOf(environment))) {
      const same = { ...request, resource: withoutIds(request.resource), context: sorted(request.context) };
      requests.set(JSON.stringify(same), same);
    }
  }
  return [...requests.keys()].sort().map((key) => requests.get(key) as AuthorizationRequest);
}

function withoutIds(arn: string): string {
  return arn
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, "1")
    .replace(/(?<=\/[a-z]+-)[0-9a-f]{8,}$/, "1")
    .replace(/(?<=-)20\d{12}[0-9a-f]{8,}(-\w{6})?/g, "1")
    .replace(/(?<=\/)[0-9A-F]{32}(?=\/)/g, "1")
    .replace(/(?<=:secret:.*-)\w{6}$/, "1");
}

function sorted(context: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(context).sort());
}

export function readRecordedRequests(): RecordedRequests {
  return JSON.parse(readFileSync(file, "utf8")) as RecordedRequests;
}

export function writeRecordedRequests(requests: RecordedRequests): void {
  const lines = Object.entries(requests).map(
    ([environment, all]) => `"${environment}": [\n${all.map((request) => JSON.stringify(request)).join(",\n")}\n]`,
  );
  writeFileSync(file, `{\n${lines.join(",\n")}\n}\n`);
}
