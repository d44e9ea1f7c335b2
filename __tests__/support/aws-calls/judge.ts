import { runSimulation } from "@cloud-copilot/iam-simulate";
import { ACCOUNT, type AuthorizationRequest, authorizationRequests } from "./authorization";
import type { JudgeCall } from "./recording-proxy";

/** A key's policy leaves it to the account's policies, as DataLakeKey's does. */
const KEY_POLICY = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` }, Action: "kms:*", Resource: "*" }],
};

/** Tells whether policies of a role allow a request, by an evaluator of IAM policies. */
export async function isAllowed(
  policies: readonly object[],
  { action, resource, context }: AuthorizationRequest,
): Promise<boolean> {
  const result = await runSimulation(
    {
      identityPolicies: policies.map((policy, index) => ({ name: `${index}`, policy })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: {
        action,
        principal: `arn:aws:sts::${ACCOUNT}:assumed-role/deployer/anna`,
        resource: { resource, accountId: ACCOUNT },
        contextVariables: context,
      },
      ...(/:key\//.test(resource) && { resourcePolicy: KEY_POLICY }),
    },
    {},
  );
  if (result.resultType === "wildcard") return result.overallResult === "Allowed";
  if (result.resultType !== "single") throw new Error(`${action} on ${resource}: ${JSON.stringify(result)}`);
  return result.result.analysis.result === "Allowed";
}

/** Judges calls as AWS does, for a caller who has these policies and nothing else. */
export function judgeBy(policies: readonly object[], tags: Record<string, string>): JudgeCall {
  return async (call) => {
    // AWS refuses nobody to ask who they are.
    if (call.action === "sts:GetCallerIdentity") return undefined;
    for (const request of authorizationRequests(call, tags)) {
      if (!(await isAllowed(policies, request)))
        return `not authorized to perform: ${request.action} on ${request.resource}`;
    }
    return undefined;
  };
}
