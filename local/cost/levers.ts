import { type Bill, totalOf } from "./bill";
import { chargesOf } from "./charges";
import { priceOf } from "./prices";
import { keptSnapshots, snapshotGb } from "./storage";
import { isScheduledTrigger, type Resource } from "./stacks";

/** A change of the environment that saves money. */
export interface Lever {
  readonly change: string;
  readonly usd: number;
}

const LEVERS = 3;

/** The three changes that save most, each by itself. */
export function leversOf(bill: Bill): Lever[] {
  const total = totalOf(chargesOf(bill));
  return changesOf(bill)
    .map(({ change, resources }) => ({ change, usd: total - totalOf(chargesOf({ ...bill, resources })) }))
    .filter(({ usd }) => usd > 0.005)
    .sort((a, b) => b.usd - a.usd)
    .slice(0, LEVERS);
}

function changesOf({ resources, prices }: Bill): { change: string; resources: Resource[] }[] {
  const changed = (type: string, config: Record<string, unknown>): Resource[] =>
    resources.map((one) => (one.type === type ? { ...one, config: { ...one.config, ...config } } : one));
  const without = (matches: (resource: Resource) => boolean): Resource[] => resources.filter((one) => !matches(one));
  const database = resources.find(({ type }) => type === "aws_db_instance")?.config ?? {};
  const isBastion = ({ path, type }: Resource): boolean =>
    type === "aws_instance" || (type === "aws_vpc_endpoint" && /\/(ssm|ssmmessages)$/.test(path));
  const images = resources.map((one) =>
    one.type === "aws_s3_bucket_lifecycle_configuration" ? withColdImages(one) : one,
  );
  const monthly = resources.map((one) =>
    isScheduledTrigger(one) ? { ...one, config: { ...one.config, schedule: "cron(0 3 1 * ? *)" } } : one,
  );
  return [
    ...(database.multi_az === true
      ? [{ change: "database: { multiAz: false }", resources: changed("aws_db_instance", { multi_az: false }) }]
      : []),
    ...smallerClasses(String(database.instance_class), Object.keys(prices.prices)).map((name) => ({
      change: `database: { instanceClass: "${name}" }`,
      resources: changed("aws_db_instance", { instance_class: name }),
    })),
    {
      change: "a network that has the endpoints (DataLakeNetwork.fromExisting)",
      resources: without(({ type }) => type === "aws_vpc_endpoint"),
    },
    { change: "bastion: undefined, except for a deploy", resources: without(isBastion) },
    { change: "bucket: { imageTransitions: GLACIER_IR after 30 days }", resources: images },
    { change: 'backup: { schedule: "cron(0 3 1 * ? *)" }, once a month', resources: monthly },
    { change: 'backup: { executionClass: "FLEX" }', resources: changed("aws_glue_job", { execution_class: "FLEX" }) },
  ];
}

/** The default class of MetadataDatabase and the smallest one, where the instance is larger. */
function smallerClasses(name: string, priced: readonly string[]): string[] {
  const order = ["db.t4g.micro", "db.t4g.small", "db.t4g.medium"];
  const position = order.indexOf(name);
  const smaller = position === -1 ? order.slice(-1) : order.slice(Math.max(0, position - 1), position);
  return smaller.filter((one) => priced.includes(`rds.${one}`));
}

function withColdImages(lifecycle: Resource): Resource {
  const rules = lifecycle.config.rule as { id: string }[];
  const transition = [{ days: 30, storage_class: "GLACIER_IR" }];
  return {
    ...lifecycle,
    config: { ...lifecycle.config, rule: rules.map((rule) => (rule.id === "images" ? { ...rule, transition } : rule)) },
  };
}

/** Money that a purge of all old rows saves and costs, USD a month. */
export interface PurgeSaving {
  /** The storage of RDS, which never shrinks. */
  readonly rdsStorage: number;
  /** The later snapshots, once all that are kept were made after the purge. */
  readonly snapshots: number;
  /** The archive, which is kept for good. */
  readonly archive: number;
}

export function purgeSaving(bill: Bill, rows: number): PurgeSaving {
  const { usd } = priceOf(bill.prices, "s3.STANDARD");
  return { rdsStorage: 0, snapshots: snapshotGb(rows) * keptSnapshots(bill) * usd, archive: snapshotGb(rows) * usd };
}
