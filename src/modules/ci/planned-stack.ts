import { RIGHTS } from "../../deployer-policy/rights";
import type { ArnScope } from "../common/expression";
import type { PolicyStatement } from "../common/policy-document";

/** A stack that a role may plan, and nothing more. */
export interface PlannedStack {
  /** The stack's name, with which the default names of its resources begin, such as `prod-data-lake`. */
  readonly stackName: string;
  /** Bucket of Terraform's state. */
  readonly stateBucketName: string;
  /**
   * Object of Terraform's state.
   * @default - `<stackName>.tfstate`
   */
  readonly stateKey?: string;
  /**
   * Lets the role read the settings of the resources too, as a check for drift does. To read a bucket's settings Terraform
   * needs the right to list its objects, and a name of an image may hold a patient's name: give it to a role of an environment
   * that takes the main branch only.
   * @default false
   */
  readonly refresh?: boolean;
  /**
   * Names of resources that do not begin with the stack's name, or beginnings of them, such as a bucket's that you chose.
   * @default - none
   */
  readonly resourceNames?: readonly string[];
}

/** Actions that read a secret, an object or a run's arguments: no plan needs them. */
const NEVER = new Set([
  "glue:GetJobRun",
  "glue:GetJobRuns",
  "s3:GetObject",
  "secretsmanager:GetSecretValue",
  "ssm:GetParameter",
]);
/** AWS's own parameters, such as the newest machine image, are public; nobody else's name begins so. */
const PUBLIC_PARAMETERS = "parameter/aws/service/*";

/** Actions with which Terraform reads what is there: of resources that a name tells, with the patterns of their ARNs, and of others. */
function readActions(): { named: string[]; patterns: string[]; unnamed: string[] } {
  const named = new Set<string>();
  const unnamed = new Set<string>();
  const patterns = new Set<string>();
  for (const { rights } of Object.values(RIGHTS)) {
    for (const { actions, on, when } of rights) {
      if (when !== undefined) continue; // only a destroy needs it
      const reads = actions.filter((action) => /:(Get|List|Describe)/.test(action) && !NEVER.has(action));
      const isNamed = on.some((pattern) => pattern.includes("{name}"));
      for (const action of reads) (isNamed ? named : unnamed).add(action);
      if (isNamed && reads.length > 0) for (const pattern of on) patterns.add(pattern.replace("/{key}", "/*"));
    }
  }
  // Terraform reads an instance and an endpoint by this, too, and not only before it deletes a group or a subnet.
  unnamed.add("ec2:DescribeNetworkInterfaces");
  // The provider of AWS 6 reads a version of a secret by this, without its value.
  named.add("secretsmanager:ListSecretVersionIds");
  return {
    named: [...named].filter((action) => !unnamed.has(action)).sort(),
    patterns: [...patterns].sort(),
    unnamed: [...unnamed].sort(),
  };
}

/**
 * Rights to plan stacks: their state and its lock, and with `refresh` what Terraform reads of their resources. Secrets' values
 * and objects of buckets are denied, whatever other policy the role gets.
 */
export function planStatements(stacks: readonly PlannedStack[], { partition, account }: ArnScope): PolicyStatement[] {
  const s3 = (path: string): string => `arn:${partition}:s3:::${path}`;
  const states = stacks.map(({ stackName, stateBucketName, stateKey = `${stackName}.tfstate` }) =>
    s3(`${stateBucketName}/${stateKey}`),
  );
  const locks = states.map((state) => `${state}.tflock`);
  const stateBuckets = [...new Set(stacks.map(({ stateBucketName }) => s3(stateBucketName)))];
  const names = stacks
    .filter(({ refresh }) => refresh === true)
    .flatMap(({ stackName, resourceNames = [] }) => [patternOf(stackName), ...resourceNames]);
  // The jobs' code, and the markers of folders, which hold no byte.
  const readable = [...states, ...locks, ...names.flatMap((name) => [s3(`${name}*/glue-assets/*`), s3(`${name}*/*/`)])];
  return [
    { sid: "FindState", actions: ["s3:ListBucket"], resources: stateBuckets },
    { sid: "ReadObjects", actions: ["s3:GetObject"], resources: readable },
    { sid: "Lock", actions: ["s3:DeleteObject", "s3:PutObject"], resources: locks },
    { sid: "DrawPassword", actions: ["secretsmanager:GetRandomPassword"], resources: ["*"] },
    { sid: "ReadPublic", actions: ["ssm:GetParameter"], resources: [`arn:${partition}:ssm:*:*:${PUBLIC_PARAMETERS}`] },
    ...(names.length > 0 ? refreshStatements(names, { partition, account }) : []),
    {
      sid: "NoSecret",
      effect: "Deny",
      actions: ["secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue"],
      resources: ["*"],
    },
    {
      sid: "NoObject",
      effect: "Deny",
      actions: ["s3:GetObject", "s3:GetObjectTorrent", "s3:GetObjectVersion"],
      notResources: readable,
    },
    {
      // A state under a key of your own: grant the key's use to the role.
      sid: "NoDecryption",
      effect: "Deny",
      actions: ["kms:Decrypt"],
      resources: ["*"],
      conditions: [
        {
          test: "StringNotLike",
          variable: "kms:EncryptionContext:aws:s3:arn",
          values: stateBuckets.flatMap((bucket) => [bucket, `${bucket}/*`]),
        },
      ],
    },
  ];
}

function refreshStatements(
  names: readonly string[],
  { partition, account }: Pick<ArnScope, "partition" | "account">,
): PolicyStatement[] {
  const { named, patterns, unnamed } = readActions();
  const arnsOf = (pattern: string): string[] => {
    const arn = `arn:${partition}:${pattern.replace(":*:", `:${account}:`).replace("{region}", "*")}`;
    // A bucket's name is the beginning of its ARN's last part; a log group's or a secret's may stand behind a folder.
    return names.map((name) => arn.replace("{name}", pattern.startsWith("s3:") ? `${name}*` : `*${name}*`));
  };
  return [
    { sid: "ReadAny", actions: unnamed, resources: ["*"] },
    {
      sid: "ReadNamed",
      actions: named,
      resources: [...new Set(patterns.flatMap(arnsOf))],
    },
  ];
}

/** Beginning of default names: the stack's name in lower case, with hyphens, or underscores where AWS takes no hyphen. */
function patternOf(stackName: string): string {
  return stackName
    .replace(/([a-z0-9])([A-Z])/g, "$1?$2")
    .replace(/[^A-Za-z0-9]+/g, "?")
    .toLowerCase();
}
