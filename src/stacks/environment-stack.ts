import type { Construct } from "constructs";
import type { S3BackendConfig } from "cdktf";
import { Annotations, LocalBackend, S3Backend, TerraformElement, TerraformStack } from "cdktf";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { writeBesideHcl } from "../modules/common/beside-hcl";
import { declareTargetVersions } from "../modules/common/target-versions";
import type { Environment } from "./environment";
import { checkEnvironment } from "./environment";

/** The services that the stacks use, by the names of the provider's `endpoints`. */
const SERVICES = [
  "athena",
  "cloudwatch",
  "ec2",
  "events",
  "glue",
  "iam",
  "kms",
  "logs",
  "rds",
  "s3",
  "secretsmanager",
  "sns",
  "ssm",
  "sts",
] as const;

/** Common part of an environment's stacks: the checked environment, the AWS provider and a place for the state. */
export abstract class EnvironmentStack extends TerraformStack {
  constructor(
    scope: Construct,
    /** The environment that the stack is of. */
    readonly environment: Environment,
    kind: string,
    stateIn: "bucket" | "file" = "bucket",
  ) {
    // A blank would make cdktf refuse the id in its own words, before the environment's name can be checked.
    super(scope, `${environment.name.replaceAll(/\s/g, "-")}-${kind}`);
    declareTargetVersions(this);
    checkEnvironment(this, environment);
    new RequiredVersion(this, "RequiredVersion");
    this.addProvider();
    const { localEndpoints, stateBucketName } = environment;
    if (localEndpoints) {
      // Relative to the stack's own folder, cdktf.out/stacks/<stack>.
      new LocalBackend(this, { path: `../../../.local/state/${this.node.id}.tfstate` });
    } else if (stateIn === "bucket" && stateBucketName !== undefined) {
      this.addStateBucket(stateBucketName);
    } else if (environment.protect && stateIn === "bucket") {
      Annotations.of(this).addWarning(
        "stateBucketName: Terraform's state of a protected environment is a file on this machine; who loses it loses control",
      );
    }
  }

  private addProvider(): void {
    const { name, region, localEndpoints } = this.environment;
    const tags = { Project: "xray-data-lake", Environment: name };
    new AwsProvider(this, "aws", {
      region,
      defaultTags: [{ tags }],
      ...(localEndpoints && {
        endpoints: [Object.fromEntries(SERVICES.map((service) => [service, localEndpoints.aws]))],
        // The emulator takes any key; with these, none of the user's own is ever sent to it.
        accessKey: "local",
        secretKey: "local",
        maxRetries: 2, // an emulator that is not there will not come
        s3UsePathStyle: true,
        skipCredentialsValidation: true,
        skipMetadataApiCheck: "true",
      }),
    });
  }

  private addStateBucket(bucket: string): void {
    // cdktf 0.21 has no type for use_lockfile (Terraform >= 1.10), and writes it all the same.
    const config: S3BackendConfig & { useLockfile: boolean } = {
      bucket,
      key: `${this.node.id}.tfstate`,
      region: this.environment.region,
      encrypt: true,
      useLockfile: true,
    };
    new S3Backend(this, config);
  }
}

/** The version that the stacks need: an older Terraform knows no write-only arguments, and says so in words that help nobody. */
class RequiredVersion extends TerraformElement {
  constructor(scope: Construct, id: string) {
    super(scope, id);
    writeBesideHcl(this); // cdktf 0.21 writes the name of the setting without its value
  }

  override toTerraform(): unknown {
    return { terraform: { required_version: ">= 1.11.0" } };
  }
}
