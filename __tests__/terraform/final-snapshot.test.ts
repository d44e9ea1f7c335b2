import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { Fn, TerraformStack } from "cdktf";
import { type Emulator, emulatorPython, startEmulator } from "../../local/servers/aws/emulator";
import { runCommand } from "../../local/tools/run-command";
import { DataLakeNetwork, MetadataDatabase, type MetadataDatabaseProps } from "../../src";
import { StackFolder } from "./support/stack-folder";

jest.setTimeout(8 * 60_000);

let emulator: Emulator;
let folder: StackFolder;

beforeAll(async () => {
  emulator = await startEmulator();
  folder = new StackFolder("final-snapshot", emulator.url);
});

afterAll(() => emulator.stop());

/** The names of the snapshots that remain. */
async function snapshots(): Promise<string[]> {
  const script = [
    "import boto3, json, sys",
    'keys = dict.fromkeys(("aws_access_key_id", "aws_secret_access_key"), "local")',
    'rds = boto3.client("rds", endpoint_url=sys.argv[1], region_name="eu-central-1", **keys)',
    'print(json.dumps([each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]]))',
  ];
  return JSON.parse((await runCommand(emulatorPython, ["-c", script.join("\n"), emulator.url])).stdout) as string[];
}

type Databases = Record<string, Partial<MetadataDatabaseProps>>;

/** Synthesizes one database for each identifier. */
const synthesize = (databases: Databases, change?: (database: MetadataDatabase) => void) =>
  folder.synthesize((app) => {
    const stack = new TerraformStack(app, "clinic");
    new AwsProvider(stack, "aws", { region: "eu-central-1" });
    const network = new DataLakeNetwork(stack, "Network");
    for (const [instanceIdentifier, props] of Object.entries(databases)) {
      const database = new MetadataDatabase(stack, instanceIdentifier, {
        network,
        instanceIdentifier,
        preventDestroy: false,
        deletionProtection: false,
        ...props,
      });
      change?.(database);
    }
  });

/** The arguments and resources that version 0.1.0 wrote. */
function asFirstRelease({ node, resource, instanceIdentifier }: MetadataDatabase): void {
  if (!node.tryRemoveChild("FinalSnapshot")) return;
  resource.finalSnapshotIdentifier = `${instanceIdentifier}-final-${Fn.formatdate("YYYYMMDDhhmmss", Fn.timestamp())}`;
  resource.lifecycle = { ...resource.lifecycle, ignoreChanges: ["final_snapshot_identifier"] };
}

// In order: the tests follow one state.
test("an instance of 0.1.0 and one made with skipFinalSnapshot get the name of a snapshot, in place", async () => {
  await synthesize({ first: {}, skipped: { skipFinalSnapshot: true } }, asFirstRelease);
  await folder.plan();
  await folder.apply();

  await synthesize({ first: {}, skipped: {} });
  expect(await folder.plan()).toEqual({
    imported: [],
    changed: ["aws_db_instance.first", "aws_db_instance.skipped"],
    add: 2,
    destroy: 0,
    replace: 0,
  });
  await folder.apply();
  expect(await folder.plan()).toEqual({ imported: [], changed: [], add: 0, destroy: 0, replace: 0 });
});

test("an instance that replaces another one gets another name", async () => {
  await synthesize({ first: { storageEncrypted: false }, skipped: {} });
  expect(await folder.plan()).toMatchObject({ changed: [], replace: 2 });
  const plan = await folder.terraform("show", "-no-color", "plan.bin");
  expect(plan).toMatch(/~ final_snapshot_identifier += "first-final-\d{14}" -> \(known after apply\)/);
});

test("a destroy takes the snapshot of each", async () => {
  await folder.terraform("destroy", "-auto-approve", "-no-color");
  const name = (identifier: string) => expect.stringMatching(`^${identifier}-final-\\d{14}$`) as string;
  expect((await snapshots()).sort()).toEqual([name("first"), name("skipped")]);
});
