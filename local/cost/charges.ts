import { ToolError } from "../tools/tool-error";
import type { Bill, Charge } from "./bill";
import { PRICE_FILE, priceOf } from "./prices";
import { runsPerMonth } from "./schedule";
import { isScheduledTrigger, type Resource } from "./stacks";
import { storageCharges } from "./storage";

/** The charges of all resources of one type. */
type ChargesOfType = (resources: readonly Resource[], bill: Bill) => Charge[];

/** The types that cost money by themselves; the file of prices lists those that do not. */
const CHARGES: Record<string, ChargesOfType> = {
  aws_db_instance: (resources, bill) => resources.flatMap((resource) => databaseCharges(resource, bill)),
  aws_vpc_endpoint: (resources, bill) => endpointCharges(resources, bill),
  aws_nat_gateway: (resources, bill) => [hours(bill, "NAT gateway", resources.length, "vpc.nat")],
  aws_eip: (resources, bill) => [hours(bill, "Public IPv4 address", resources.length, "vpc.ipv4")],
  aws_instance: (resources, bill) => resources.flatMap((resource) => instanceCharges(resource, bill)),
  aws_glue_job: (resources, bill) => resources.flatMap((resource) => jobCharges(resource, bill)),
  aws_s3_bucket: (_, bill) => storageCharges(bill),
  aws_kms_key: (resources, bill) => [keyCharge(resources, bill)],
  aws_secretsmanager_secret: (resources, bill) => [secretCharge(resources, bill)],
  aws_cloudwatch_log_group: (resources, bill) => logCharges(resources, bill),
  aws_cloudwatch_metric_alarm: (resources, bill) => [alarmCharge(resources, bill)],
  aws_cloudwatch_dashboard: (resources, bill) => [
    units(bill, "CloudWatch dashboard", resources.length, "cloudwatch.dashboard"),
  ],
  aws_cloudwatch_log_metric_filter: (resources, bill) => [
    units(bill, "CloudWatch metrics of the logs", resources.length, "cloudwatch.metric"),
  ],
  aws_athena_workgroup: (_, bill) => queryCharges(bill),
};

/** The bill of a month. Throws where a type of the stack has no price. */
export function chargesOf(bill: Bill): Charge[] {
  const types = [...new Set(bill.resources.map(({ type }) => type))];
  for (const type of types) {
    if (type in CHARGES || bill.prices.free.includes(type)) continue;
    const where = bill.resources.find((resource) => resource.type === type)?.path;
    throw new ToolError(
      `${where} is a resource of type ${type}, of which ${PRICE_FILE} tells no price: add its price, or add the type to "free"`,
    );
  }
  return Object.entries(CHARGES)
    .flatMap(([type, charges]) => {
      const own = bill.resources.filter((resource) => resource.type === type);
      return own.length === 0 ? [] : charges(own, bill);
    })
    .filter(({ quantity }) => quantity > 0);
}

function units({ prices }: Bill, part: string, count: number, price: string): Charge {
  return { part, quantity: count, how: String(count), price: priceOf(prices, price) };
}

function hours({ prices }: Bill, part: string, count: number, price: string): Charge {
  const { hoursPerMonth } = prices;
  return { part, quantity: count * hoursPerMonth, how: `${count} × ${hoursPerMonth} h`, price: priceOf(prices, price) };
}

function databaseCharges({ config }: Resource, bill: Bill): Charge[] {
  const { prices, assumptions } = bill;
  const zones = config.multi_az === true ? 2 : 1;
  const inZones = zones === 2 ? ", two zones" : "";
  const gib = Number(config.allocated_storage);
  const backup = Math.max(0, assumptions["rds-backup-gb"] - gib);
  return [
    hours(bill, `RDS ${String(config.instance_class)}${inZones}`, zones, `rds.${String(config.instance_class)}`),
    {
      part: `RDS storage, gp3${inZones}`,
      quantity: zones * gib,
      how: `${zones} × ${gib} GiB`,
      price: priceOf(prices, "rds.gp3"),
    },
    {
      part: `RDS backups above ${gib} GiB`,
      quantity: backup,
      how: `${backup} GiB`,
      price: priceOf(prices, "rds.backup"),
    },
    ...(config.publicly_accessible === true ? [hours(bill, "Public IPv4 address", 1, "vpc.ipv4")] : []),
  ];
}

function endpointCharges(resources: readonly Resource[], bill: Bill): Charge[] {
  const zones = resources.reduce(
    (sum, { config }) => sum + ((config.subnet_ids as unknown[] | undefined)?.length ?? 0),
    0,
  );
  return [hours(bill, "Interface endpoints, one zone each", zones, "vpc.endpoint")];
}

function instanceCharges({ config }: Resource, bill: Bill): Charge[] {
  const type = String(config.instance_type);
  const { volume_size: gib = 8 } = (config.root_block_device ?? {}) as { volume_size?: number };
  return [
    hours(bill, `Bastion, ${type}`, 1, `ec2.${type}`),
    { part: "Bastion's disk, gp3", quantity: gib, how: `${gib} GiB`, price: priceOf(bill.prices, "ebs.gp3") },
  ];
}

function jobCharges(job: Resource, { prices, assumptions, resources }: Bill): Charge[] {
  const folder = job.path.replace(/\/Resource$/, "/");
  const trigger = resources.find((one) => isScheduledTrigger(one) && one.path.startsWith(folder));
  if (trigger === undefined) return [];
  const { execution_class: executionClass, number_of_workers: workers } = job.config;
  const runs = runsPerMonth(String(trigger.config.schedule));
  // Glue bills a run by the second, and one minute at least.
  const minutes = Math.max(1, assumptions["backup-minutes"]);
  return [
    {
      part: `Glue job ${job.path.split("/").at(-2) ?? ""}, ${String(executionClass)}`,
      quantity: (runs * Number(workers) * minutes) / 60,
      how: `${runs.toFixed(2)} runs × ${String(workers)} DPU × ${minutes} min`,
      price: priceOf(prices, `glue.${String(executionClass)}`),
    },
  ];
}

/** Each of the first two rotations of a key costs as much as the key. */
function keyCharge(resources: readonly Resource[], bill: Bill): Charge {
  const rotations = Math.min(2, Math.floor(bill.assumptions.months / 12));
  const count = resources.reduce(
    (sum, { config }) => sum + 1 + (config.enable_key_rotation === true ? rotations : 0),
    0,
  );
  const how = `${resources.length}, rotated ${rotations === 1 ? "once" : `${rotations} times`}`;
  return { ...units(bill, "KMS key", count, "kms.key"), how };
}

/** RDS makes one more, of its master user. */
function secretCharge(resources: readonly Resource[], bill: Bill): Charge {
  const masters = bill.resources.filter(({ config }) => config.manage_master_user_password === true).length;
  return units(bill, "Secrets", resources.length + masters, "secretsmanager.secret");
}

function logCharges(resources: readonly Resource[], { prices, assumptions }: Bill): Charge[] {
  const gb = assumptions["log-gb"];
  const days = Math.max(...resources.map(({ config }) => Number(config.retention_in_days ?? Infinity)));
  const kept = gb * Math.min(assumptions.months, days / 30);
  return [
    { part: "Logs, ingested", quantity: gb, how: `${gb} GB`, price: priceOf(prices, "logs.ingested") },
    { part: "Logs, stored", quantity: kept, how: `${kept.toFixed(1)} GB`, price: priceOf(prices, "logs.stored") },
  ];
}

/** An alarm is billed for each metric that it watches. */
function alarmCharge(resources: readonly Resource[], bill: Bill): Charge {
  const metrics = resources.reduce((sum, { config }) => sum + watched(config), 0);
  return { ...units(bill, "CloudWatch alarms", metrics, "cloudwatch.alarm"), how: `${metrics} metrics` };
}

function watched({ metric_query: queries }: Resource["config"]): number {
  const metrics = (queries as { metric?: unknown }[] | undefined)?.filter(({ metric }) => metric !== undefined);
  return Math.max(1, metrics?.length ?? 1);
}

/** The LISTs of a query of detections: docs/modules/backup-catalog.md. */
export function listsOfQuery(days: number): number {
  return 6 * days + 12;
}

function queryCharges({ prices, assumptions }: Bill): Charge[] {
  const { queries, "query-gb": gb, months } = assumptions;
  const lists = queries * listsOfQuery(Math.round((months * 365) / 12));
  return [
    {
      part: "Athena, data read",
      quantity: (queries * gb) / 1000,
      how: `${queries} × ${gb} GB`,
      price: priceOf(prices, "athena.scanned"),
    },
    {
      part: "S3 LISTs of Athena",
      quantity: lists / 1000,
      how: lists.toLocaleString("en"),
      price: priceOf(prices, "s3.put"),
    },
  ];
}
