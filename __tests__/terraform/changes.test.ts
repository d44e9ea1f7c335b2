import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { TerraformStack } from "cdktf";
import { Construct } from "constructs";
import { movedFrom } from "../../examples/move-constructs/moved-from";
import { type Emulator, emulatorPython, startEmulator } from "../../local/servers/aws/emulator";
import { runCommand } from "../../local/tools/run-command";
import {
  BackupGlueJob,
  DataLakeAlarms,
  DataLakeBucket,
  DataLakeKey,
  DataLakeNetwork,
  ImageUploaderUser,
  MetadataDatabase,
  type MetadataDatabaseProps,
  PurgeGlueJob,
} from "../../src";
import { type PlanCounts, StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

const IDENTIFIER = "clinic-database";
const NOTHING: PlanCounts = { imported: [], changed: [], add: 0, destroy: 0, replace: 0 };

interface Change {
  readonly database?: Partial<MetadataDatabaseProps>;
  readonly namePath?: string;
}

/** The constructs of a data lake in one scope. */
function dataLake(scope: Construct, id: string, { database: change, namePath }: Change = {}): Construct {
  const lake = new Construct(scope, id);
  const named = (child: string) => (namePath === undefined ? {} : { namePath: `${namePath}/${child}` });
  const encryptionKey = new DataLakeKey(lake, "Key", { preventDestroy: false, ...named("Key") });
  const network = new DataLakeNetwork(lake, "Network", named("Network"));
  const bucket = new DataLakeBucket(lake, "Bucket", { encryptionKey, forceDestroy: true, ...named("Bucket") });
  const database = new MetadataDatabase(lake, "Database", {
    network,
    encryptionKey,
    preventDestroy: false,
    instanceIdentifier: IDENTIFIER,
    engineVersion: "8.0",
    ...named("Database"),
    ...change,
  });
  const wiring = { bucket, database, network, encryptionKey };
  const backupJob = new BackupGlueJob(lake, "Backup", { ...wiring, ...named("Backup") });
  new PurgeGlueJob(lake, "Purge", { ...wiring, olderThanDays: 90, ...named("Purge") });
  new DataLakeAlarms(lake, "Alarms", { database, backupJob, encryptionKey, ...named("Alarms") });
  new ImageUploaderUser(lake, "App", { bucket, secret: database.addUser("xray_app"), ...named("App") });
  return lake;
}

let emulator: Emulator;
let folder: StackFolder;

const synthesize = (build: (stack: TerraformStack) => void) =>
  folder.synthesize((app) => {
    const stack = new TerraformStack(app, "clinic");
    new AwsProvider(stack, "aws", { region: "eu-central-1" });
    build(stack);
  });

beforeAll(async () => {
  emulator = await startEmulator();
  folder = new StackFolder("changes", emulator.url);
  await synthesize((stack) => dataLake(stack, "Lake"));
  await folder.plan();
  await folder.apply();
});

afterAll(() => emulator.stop());

/** Addresses of the planned deletions, replacements among them. */
async function deleted(): Promise<string[]> {
  const { resource_changes: all } = JSON.parse(await folder.terraform("show", "-json", "plan.bin")) as {
    resource_changes: { address: string; change: { actions: string[] } }[];
  };
  return all.filter(({ change }) => change.actions.includes("delete")).map(({ address }) => address);
}

// In order: the tests follow one state.
test("nothing is left to change, also after RDS took a minor version by itself", async () => {
  expect(await folder.plan()).toEqual(NOTHING);
  const script = [
    "import boto3, sys",
    'keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "local")',
    'rds = boto3.client("rds", endpoint_url=sys.argv[1], region_name="eu-central-1", **keys)',
    `rds.modify_db_instance(DBInstanceIdentifier="${IDENTIFIER}", EngineVersion="8.0.43", ApplyImmediately=True)`,
  ];
  await runCommand(emulatorPython, ["-c", script.join("\n"), emulator.url]);
  expect(await folder.plan()).toEqual(NOTHING);
});

test("constructs in another scope keep their resources, with the old name path and without", async () => {
  const move = (props?: Change) =>
    synthesize((stack) => movedFrom(dataLake(new Construct(stack, "sg-team"), "St. Mary's", props), "Lake"));
  await move({ namePath: "clinic/Lake" });
  const { changed, ...counts } = await folder.plan();
  expect(counts).toEqual({ imported: [], add: 0, destroy: 0, replace: 0 });
  // The jobs' code, which is uploaded from another folder.
  expect(changed.filter((address) => !address.startsWith("aws_s3_object."))).toEqual([]);

  await move();
  await folder.plan();
  const types = new Set((await deleted()).map((address) => address.split(".")[0]));
  // A metric filter holds nothing, and follows the log group that the job now writes to.
  const filter = "aws_cloudwatch_log_metric_filter";
  expect([...types].sort()).toEqual([filter, "aws_s3_object", "aws_vpc_security_group_ingress_rule"]);
});

test("a major upgrade changes the instance in place, and makes the new family's group before the old one goes", async () => {
  const database = { engineVersion: "8.4", allowMajorVersionUpgrade: true };
  await synthesize((stack) => dataLake(stack, "Lake", { database }));
  expect(await folder.plan()).toEqual({
    imported: [],
    changed: ["aws_db_instance.Lake_Database"],
    add: 0,
    destroy: 1,
    replace: 1,
  });
  const plan = await folder.terraform("show", "-no-color", "plan.bin");
  expect(plan).toMatch(/aws_db_parameter_group\.Lake_Database_ParameterGroup_\w+ must be replaced\n\+\/- resource/);
  expect(plan).toMatch(/~ engine_version += "8\.0" -> "8\.4"/);
  expect(plan).toMatch(/~ apply_immediately += false -> true/);
});
