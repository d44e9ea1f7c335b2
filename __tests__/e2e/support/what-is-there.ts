import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { s3Client } from "../../../local/environment/aws-clients";
import { callAws, queryAws } from "../../support/emulator-calls";

/** The emulator's answer about what an account holds of a kind. */
const LISTINGS: Record<string, (url: string) => Promise<unknown>> = {
  buckets: (url) => s3Client(url).send(new ListBucketsCommand()),
  databases: (url) => queryAws(url, "rds", "DescribeDBInstances"),
  roles: (url) => queryAws(url, "iam", "ListRoles"),
  networks: (url) => queryAws(url, "ec2", "DescribeVpcs"),
  secrets: (url) => callAws(url, "secretsmanager", "ListSecrets"),
  jobs: (url) => callAws(url, "glue", "GetJobs"),
  triggers: (url) => callAws(url, "glue", "ListTriggers"),
  "log groups": (url) => callAws(url, "logs", "DescribeLogGroups"),
  "names of keys": (url) => callAws(url, "kms", "ListAliases"),
};

/** The kinds of resources of which the emulator holds one whose name has `text` in it. */
export async function kindsWith(emulatorUrl: string, text: string): Promise<string[]> {
  const found: string[] = [];
  for (const [kind, list] of Object.entries(LISTINGS)) {
    if (JSON.stringify(await list(emulatorUrl)).includes(text)) found.push(kind);
  }
  return found;
}

/** Every kind that is looked for. */
export const KINDS = Object.keys(LISTINGS);
