import { readSkips, unexplained } from "./support/findings";

const finding = { stack: "prod", rule: "CKV_AWS_1", resource: "aws_s3_bucket.Bucket" };
const HEAD = "rule,stacks,resource,reason\n";

test("a finding without a line, of another stack or of another resource is told of", () => {
  const told = ["prod: CKV_AWS_1 aws_s3_bucket.Bucket has no line in policy/skips.csv"];
  expect(unexplained([finding], [])).toEqual(told);
  for (const line of ["CKV_AWS_1,dev,aws_s3_bucket.Bucket,why", "CKV_AWS_1,prod,aws_s3_bucket.Bucke,why"])
    expect(unexplained([finding], readSkips(`${HEAD}${line}`))[0]).toBe(told[0]);
});

test("a line with a reason covers it, commas and all", () => {
  expect(unexplained([finding], readSkips(`${HEAD}CKV_AWS_1,prod,aws_s3_bucket.*,a reason, and more`))).toEqual([]);
});

test("a line that covers no finding of one of its stacks is told of", () => {
  expect(unexplained([finding], readSkips(`${HEAD}CKV_AWS_1,dev prod,aws_s3_bucket.Bucket,why`))).toEqual([
    "policy/skips.csv: CKV_AWS_1,dev,aws_s3_bucket.Bucket covers no finding",
  ]);
});

test("a line without a reason is refused", () => {
  expect(() => readSkips(`${HEAD}CKV_AWS_1,prod,aws_s3_bucket.Bucket,`)).toThrow("rule,stacks,resource,reason, got:");
});

test("the file holds each rule and resource once, with a reason", () => {
  const lines = readSkips().map(({ rule, resource }) => `${rule},${resource}`);
  expect(lines.length).toBeGreaterThan(20);
  expect(new Set(lines).size).toBe(lines.length);
});
