import { defaultAssumptions, parseCommandLine } from "../../../local/cost/assumptions";
import { type Bill, totalOf, usdOf } from "../../../local/cost/bill";
import { chargesOf } from "../../../local/cost/charges";
import { leversOf, purgeSaving } from "../../../local/cost/levers";
import { readPriceFile } from "../../../local/cost/prices";
import { runsPerMonth } from "../../../local/cost/schedule";
import type { Resource } from "../../../local/cost/stacks";

const prices = readPriceFile();
const resource = (
  type: string,
  config: Record<string, unknown> = {},
  path = `x-data-lake/${type}/Resource`,
): Resource => ({
  type,
  path,
  config,
});
const billOf = (resources: Resource[], changed: Record<string, number> = {}): Bill => ({
  prices,
  resources,
  assumptions: { ...defaultAssumptions(), ...changed },
});
const linesOf = (resources: Resource[], changed?: Record<string, number>): [string, number][] =>
  chargesOf(billOf(resources, changed)).map((charge) => [charge.part, Number(usdOf(charge).toFixed(2))]);

const database = (config: Record<string, unknown> = {}) =>
  resource("aws_db_instance", { instance_class: "db.t4g.micro", allocated_storage: 20, ...config });

test("a database costs its class and storage, in each zone, and what its backups are larger than the storage", () => {
  expect(linesOf([database()])).toEqual([
    ["RDS db.t4g.micro", 11.68],
    ["RDS storage, gp3", 2.3],
  ]);
  expect(linesOf([database({ multi_az: true })])).toEqual([
    ["RDS db.t4g.micro, two zones", 23.36],
    ["RDS storage, gp3, two zones", 4.6],
  ]);
  expect(linesOf([database({ publicly_accessible: true })], { "rds-backup-gb": 120 }).slice(2)).toEqual([
    ["RDS backups above 20 GiB", 9.5],
    ["Public IPv4 address", 3.65],
  ]);
});

test("an interface endpoint costs in each of its zones, a gateway nothing; a NAT gateway and an address by the hour", () => {
  const endpoint = (...subnets: string[]) => resource("aws_vpc_endpoint", { subnet_ids: subnets });
  expect(
    linesOf([endpoint("a"), endpoint("a", "b"), resource("aws_vpc_endpoint", { vpc_endpoint_type: "Gateway" })]),
  ).toEqual([["Interface endpoints, one zone each", 21.9]]);
  expect(linesOf([resource("aws_nat_gateway"), resource("aws_eip")])).toEqual([
    ["NAT gateway", 32.85],
    ["Public IPv4 address", 3.65],
  ]);
});

test("a job costs by its schedule, workers, minutes and class; one that nothing starts costs nothing", () => {
  const job = (executionClass: string) =>
    resource("aws_glue_job", { execution_class: executionClass, number_of_workers: 3 }, "x-data-lake/Backup/Resource");
  const weekly = resource("aws_glue_trigger", { schedule: "cron(0 3 ? * SUN *)" }, "x-data-lake/Backup/Trigger");
  expect(linesOf([job("STANDARD"), weekly], { "backup-minutes": 10 })).toEqual([["Glue job Backup, STANDARD", 0.95]]);
  expect(linesOf([job("FLEX"), weekly], { "backup-minutes": 10 })).toEqual([["Glue job Backup, FLEX", 0.63]]);
  expect(linesOf([job("FLEX"), weekly], { "backup-minutes": 0.1 })).toEqual([["Glue job Backup, FLEX", 0.06]]);
  expect(linesOf([job("STANDARD")])).toEqual([]);
});

test.each([
  ["cron(0 3 ? * SUN *)", 52 / 12],
  ["cron(0 3 * * ? *)", 365 / 12],
  ["cron(0/15 * * * ? *)", (4 * 24 * 365) / 12],
  ["cron(0 1,13 ? * MON-FRI *)", (2 * 261) / 12],
  ["cron(0 3 1 * ? *)", 1],
  ["cron(0 3 L 1-6 ? *)", 0.5],
  ["cron(0 3 ? JAN,JUL 2#1 *)", 2 / 12],
])("%s runs %d times a month", (schedule, runs) => expect(runsPerMonth(schedule)).toBeCloseTo(runs, 6));

test("images cost by the storage classes of the lifecycle, snapshots until they expire", () => {
  const rules = [
    {
      id: "images",
      transition: [
        { days: 90, storage_class: "STANDARD_IA" },
        { days: 365, storage_class: "GLACIER_IR" },
      ],
    },
    { id: "snapshots", expiration: [{ days: 365 }] },
  ];
  const bucket = [resource("aws_s3_bucket"), resource("aws_s3_bucket_lifecycle_configuration", { rule: rules })];
  // 10 GB a month: 2.96 months in STANDARD, 9.04 in STANDARD_IA, 12 in GLACIER_IR; 52 snapshots of 0.83 GB.
  expect(linesOf(bucket, { months: 24, predictions: 1000, "image-mb": 10, rows: 1e8 })).toEqual([
    ["Images, STANDARD", 0.68],
    ["Images, STANDARD_IA", 1.13],
    ["Images, GLACIER_IR", 0.48],
    ["Backups, STANDARD", 0.99],
    ["S3 PUTs of images", 0.01],
  ]);
});

test("keys with their rotations, secrets with RDS's own, alarms by their metrics, dashboards, metrics, logs and queries", () => {
  const alarm = (...metrics: object[]) => resource("aws_cloudwatch_metric_alarm", { metric_query: metrics });
  expect(
    linesOf(
      [
        resource("aws_kms_key", { enable_key_rotation: true }),
        resource("aws_secretsmanager_secret"),
        database({ manage_master_user_password: true }),
        resource("aws_cloudwatch_metric_alarm"),
        alarm({ metric: {} }, { metric: {} }, { expression: "a/b" }),
        resource("aws_cloudwatch_dashboard"),
        resource("aws_cloudwatch_log_metric_filter"),
        resource("aws_cloudwatch_log_group", { retention_in_days: 30 }),
        resource("aws_athena_workgroup"),
      ],
      { months: 40, "log-gb": 2, queries: 10, "query-gb": 10 },
    ).slice(2),
  ).toEqual([
    ["KMS key", 3],
    ["Secrets", 0.8],
    ["Logs, ingested", 1],
    ["Logs, stored", 0.06],
    ["CloudWatch alarms", 0.3],
    ["CloudWatch dashboard", 3],
    ["CloudWatch metrics of the logs", 0.3],
    ["Athena, data read", 0.5],
    ["S3 LISTs of Athena", 0.37],
  ]);
});

test("a type without a price is an error that names it", () => {
  expect(() => chargesOf(billOf([resource("aws_elasticache_cluster", {}, "prod-data-lake/Cache/Resource")]))).toThrow(
    "prod-data-lake/Cache/Resource is a resource of type aws_elasticache_cluster, of which local/cost/prices.json tells no price",
  );
  expect(() => chargesOf(billOf([database({ instance_class: "db.x9.huge" })]))).toThrow(
    'local/cost/prices.json has no price "rds.db.x9.huge": add it, with its page and date',
  );
});

test("each price has a page of the last two years, or says that it is not verified", () => {
  const oldest = String(Number(prices.read.slice(0, 4)) - 2) + prices.read.slice(4);
  for (const [name, { usd, source, verified }] of Object.entries(prices.prices)) {
    expect([name, usd > 0]).toEqual([name, true]);
    if (source !== undefined) expect(prices.sources).toHaveProperty([source]);
    if (verified === false) continue;
    const date = prices.sources[source ?? ""]?.date ?? "no page";
    // A page may give the year alone, or the month.
    expect([name, date >= oldest.slice(0, date.length) && /^20\d\d/.test(date)]).toEqual([name, true]);
  }
  const pages = Object.entries(prices.sources).filter(([, { page }]) => page.startsWith("https://"));
  expect(pages).toHaveLength(Object.keys(prices.sources).length);
});

test("the levers are the three changes that save most, each as the difference of two bills", () => {
  const endpoint = resource("aws_vpc_endpoint", { subnet_ids: ["a"] }, "x-data-lake/Network/Endpoints/ssm");
  const large = database({ instance_class: "db.m7g.large", multi_az: true });
  const bill = billOf([large, endpoint, resource("aws_instance", { instance_type: "t4g.nano" })]);
  expect(leversOf(bill).map(({ change, usd }) => [change, Number(usd.toFixed(2))])).toEqual([
    ['database: { instanceClass: "db.t4g.medium" }', 150.38],
    ["database: { multiAz: false }", 124.94],
    ["bastion: undefined, except for a deploy", 11.01],
  ]);
  expect(totalOf(chargesOf(bill))).toBeCloseTo(245.28 + 4.6 + 7.3 + 3.066 + 0.64, 2);
});

test("a purge saves no storage of RDS, makes snapshots smaller and adds one archive", () => {
  const saving = purgeSaving(billOf([database()]), 1e9);
  expect(saving.rdsStorage).toBe(0);
  expect(saving.snapshots / saving.archive).toBeCloseTo(52, 6);
  expect(saving.archive).toBeCloseTo(8.3 * 0.023, 6);
});

test("the command line gives one environment and amounts", () => {
  expect(parseCommandLine(["prod", "--rows", "2,000,000", "--image-mb=0.5"])).toMatchObject({
    environment: "prod",
    write: false,
    assumptions: { rows: 2_000_000, "image-mb": 0.5, months: 12 },
  });
  for (const args of [[], ["dev", "prod"], ["dev", "--rows=-1"], ["dev", "--rows", ""], ["dev", "--row", "1"]]) {
    expect(() => parseCommandLine(args)).toThrow(/^(one environment must be named|--rows must be|Unknown option)/);
  }
});
