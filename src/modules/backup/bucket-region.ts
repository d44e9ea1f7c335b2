import { Construct } from "constructs";
import { awsRegion } from "../common/aws-provider";
import { ValidationError } from "../common/validation-error";
import type { IDataLakeNetwork } from "../network/data-lake-network";
import type { IBucket } from "../storage/bucket-base";

/**
 * Throws where a bucket is known to be of another region than the job that uses it; at synth where the provider is made later.
 * The network's gateway endpoint leads to the buckets of its own region alone.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
 */
export function checkBucketRegion(
  job: Construct,
  network: IDataLakeNetwork,
  prop: string,
  bucket: IBucket | undefined,
): void {
  if (network.endpoints === undefined || !Construct.isConstruct(bucket)) return;
  const faults = (): string[] => {
    const [own, other] = [awsRegion(job), awsRegion(bucket)];
    if (own === undefined || other === undefined || own === other) return [];
    return [
      `${prop} must be a bucket of ${own}, the region of the AWS provider, got one of ${other}: the network's endpoint for ` +
        "S3 does not lead there, and each run would time out",
    ];
  };
  for (const fault of faults()) throw new ValidationError(job, fault);
  job.node.addValidation({ validate: faults });
}
