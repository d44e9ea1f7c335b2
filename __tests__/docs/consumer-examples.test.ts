import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const EXAMPLES = ["backups-in-another-account", "own-resources", "several-lakes", "several-regions"];
/** Arguments by which AWS tells resources of one type, account and region apart. */
const NAMES = ["name", "bucket", "identifier", "alarm_name", "dashboard_name", "name_prefix", "bucket_prefix"];

type Block = Record<string, unknown>;
interface Stack {
  readonly provider: { aws: { region: string; alias?: string; assume_role?: { role_arn: string }[] }[] };
  readonly resource: Record<string, Record<string, Block>>;
}

let outdir: string;
beforeEach(() => (outdir = fs.mkdtempSync(path.join(os.tmpdir(), "example-"))));
afterEach(() => fs.rmSync(outdir, { recursive: true }));

async function synthesize(name: string): Promise<Record<string, Stack>> {
  process.env["CDKTF_OUTDIR"] = outdir;
  try {
    await jest.isolateModulesAsync(() => import(path.join(__dirname, "..", "..", "examples", name, "main")));
  } finally {
    delete process.env["CDKTF_OUTDIR"];
  }
  const read = (stack: string) =>
    JSON.parse(fs.readFileSync(path.join(outdir, "stacks", stack, "cdk.tf.json"), "utf8")) as Stack;
  return Object.fromEntries(fs.readdirSync(path.join(outdir, "stacks")).map((stack) => [stack, read(stack)]));
}

const awsBlocks = (resource: Stack["resource"] = {}) =>
  Object.entries(resource).filter(([type]) => type.startsWith("aws_"));

/** Names that the stacks' resources ask AWS for, with type, account and region. */
function namesIn(stacks: Record<string, Stack>): string[] {
  return Object.values(stacks).flatMap(({ provider, resource }) =>
    awsBlocks(resource).flatMap(([type, blocks]) =>
      Object.values(blocks).flatMap((block) => {
        const own = provider.aws.find(({ alias }) => `aws.${alias ?? ""}` === block["provider"]) ?? provider.aws[0];
        const account = own?.assume_role?.[0]?.role_arn ?? "";
        // IAM and S3 have no region; a table is known by its database's name, too.
        const region = /^aws_(iam|s3)_/.test(type) ? "" : own?.region;
        const place = [account, region, block["database_name"]].join(" ");
        const name = NAMES.filter((key) => typeof block[key] === "string" && !String(block[key]).includes("${"));
        return name.map((key) => `${place} ${type}.${key} ${String(block[key])}`);
      }),
    ),
  );
}

it.each(EXAMPLES)("%s asks AWS for no name twice", async (name) => {
  const names = namesIn(await synthesize(name));
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((text, index) => names.indexOf(text) !== index)).toEqual([]);
});

it("gives each resource of another region its provider", async () => {
  const { "two-regions": stack } = await synthesize("several-regions");
  const dublin = awsBlocks(stack?.resource)
    .flatMap(([, blocks]) => Object.entries(blocks))
    .filter(([id]) => id.startsWith("dublin_"));
  expect(dublin.length).toBeGreaterThan(40);
  expect(dublin.filter(([, block]) => block["provider"] !== "aws.dublin").map(([id]) => id)).toEqual([]);
});

it("knows the role of the lake, in the vault of another account, by the name that it gets", async () => {
  const { lake, vault } = await synthesize("backups-in-another-account");
  const { name } = Object.values(lake?.resource["aws_iam_role"] ?? {})[0] ?? {};
  expect(JSON.stringify(vault)).toContain(`arn:aws:iam::111111111111:role/${String(name)}"`);
});
