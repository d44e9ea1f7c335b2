import type { Construct } from "constructs";
import { TerraformOutput } from "cdktf";
import { PrivateBucket } from "../modules/storage/private-bucket";
import type { Environment } from "./environment";
import { EnvironmentStack } from "./environment-stack";

/** The bucket that holds the state of an environment's other stacks; deployed first, its own state is a file. */
export class StateBackendStack extends EnvironmentStack {
  constructor(scope: Construct, environment: Environment) {
    super(scope, environment, "state-backend", "file");
    const bucket = new PrivateBucket(this, "Bucket", { bucketName: environment.stateBucketName });
    new TerraformOutput(this, "state_bucket", { value: bucket.bucketName });
  }
}
