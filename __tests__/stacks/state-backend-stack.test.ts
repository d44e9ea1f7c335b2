import { DataLakeStack } from "../../src/stacks/data-lake-stack";
import type { Environment } from "../../src/stacks/environment";
import { StateBackendStack } from "../../src/stacks/state-backend-stack";
import { synthesizeApp } from "../support/synth";

const environment: Environment = {
  name: "test",
  region: "eu-central-1",
  protect: false,
  sampleData: false,
  stateBucketName: "state-test",
};
const stacks = synthesizeApp((app) => {
  new StateBackendStack(app, environment);
  new DataLakeStack(app, environment);
});
const backend = (stack: string) =>
  (JSON.parse(stacks[stack]?.text ?? "") as { terraform: { backend: unknown } }).terraform.backend;

it("makes a private bucket that is kept, even where the environment is not", () => {
  expect(stacks["test-state-backend"]?.resource("aws_s3_bucket")).toMatchObject({
    bucket: "state-test",
    force_destroy: false,
    lifecycle: { prevent_destroy: true },
  });
});

it("keeps its own state in a file, and the other stacks' in the bucket, locked", () => {
  expect(backend("test-state-backend")).toHaveProperty("local");
  expect(backend("test-data-lake")).toEqual({
    s3: {
      bucket: "state-test",
      encrypt: true,
      key: "test-data-lake.tfstate",
      region: "eu-central-1",
      use_lockfile: true,
    },
  });
});
