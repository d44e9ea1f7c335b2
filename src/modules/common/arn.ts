import { Fn } from "cdktf";

// A field taken from the ARN of a resource of ours costs no call to AWS, so that a plan works without credentials.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html

/** The parts of an ARN that every resource of one stack shares. */
export interface ArnScope {
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  /** For example `eu-central-1`. */
  readonly region: string;
  /** The twelve digits of the account. */
  readonly account: string;
}

/** Reads partition, region and account from the ARN of a regional resource. */
export function arnScope(arn: string): ArnScope {
  const field = (index: number): string => Fn.element(Fn.split(":", arn), index) as string;
  return { partition: field(1), region: field(3), account: field(4) };
}
