import * as fs from "node:fs";
import * as path from "node:path";
import ts from "typescript";

const root = path.join(__dirname, "..", "..");
const modules = path.join(root, "src", "modules");

interface Prop {
  readonly name: string;
  /** The text of `@default`. */
  readonly default?: string;
}

/** The interfaces of the constructs' props that each page tells of. */
const PAGES: Record<string, string[]> = {
  "backup-bucket": ["BackupBucketProps", "BackupLifecycleProps", "ServerAccessLogsProps"],
  "backup-catalog": ["BackupCatalogProps"],
  "backup-glue-job": ["BackupGlueJobProps", "GlueDatabaseJobProps", "ArchivePolicyProps"],
  "data-lake-alarms": ["DataLakeAlarmsProps", "DatabaseThresholds"],
  "data-lake-bucket": [
    "DataLakeBucketProps",
    "DataLakePrefixes",
    "DataLakeLifecycleProps",
    "BackupLifecycleProps",
    "ServerAccessLogsProps",
  ],
  "data-lake-key": ["DataLakeKeyProps"],
  "data-lake-network": ["DataLakeNetworkProps", "ExistingNetworkProps"],
  "database-bastion": ["DatabaseBastionProps"],
  "ephemeral-resource": ["EphemeralResourceProps"],
  "github-actions-role": ["GithubActionsRoleProps", "PlannedStack"],
  "image-uploader-user": ["ImageUploaderUserProps", "ImageUploaderProps"],
  "metadata-database": ["MetadataDatabaseProps"],
  "metadata-schema": ["MetadataSchemaProps"],
  "private-bucket": ["PrivateBucketProps", "AccessLogsBucketProps"],
  "purge-glue-job": ["PurgeGlueJobProps", "ArchivePolicyProps"],
  "restore-glue-job": ["RestoreGlueJobProps"],
  role: ["RoleProps"],
  "web-identity-role": ["WebIdentityRoleProps", "ImageUploaderProps"],
};

function interfaces(): Map<string, Prop[]> {
  const found = new Map<string, Prop[]>();
  for (const file of fs.readdirSync(modules, { encoding: "utf8", recursive: true })) {
    if (!file.endsWith(".ts")) continue;
    const text = fs.readFileSync(path.join(modules, file), "utf8");
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
    for (const statement of source.statements.filter(ts.isInterfaceDeclaration)) {
      const props = statement.members.filter(ts.isPropertySignature).map((member) => ({
        name: member.name.getText(source),
        default: ts
          .getJSDocTags(member)
          .filter(({ tagName }) => tagName.text === "default")
          .map(({ comment }) => ts.getTextOfJSDocComment(comment))[0],
      }));
      found.set(statement.name.text, props);
    }
  }
  return found;
}

const all = interfaces();
const page = (name: string) => fs.readFileSync(path.join(root, "docs", "modules", `${name}.md`), "utf8");
/** A default that is a value; others are told in words, and each page in its own. */
const VALUE = /^(?:\d+|true|false|\w+\.\w+|"[^"]*")/;

describe.each(Object.entries(PAGES))("docs/modules/%s.md", (name, names) => {
  const text = page(name);
  const props = names.flatMap((interfaceName) => all.get(interfaceName) ?? []);

  it("names every prop", () => {
    expect(props.length).toBeGreaterThan(0);
    expect(props.filter((prop) => !text.includes(`\`${prop.name}\``)).map((prop) => prop.name)).toEqual([]);
  });

  it("gives each default as the code does", () => {
    const rows = text.split("\n").filter((line) => line.startsWith("|"));
    const wrong = props.flatMap((prop) => {
      const value = VALUE.exec(prop.default ?? "")?.[0];
      const row = rows.find((line) => line.split("|")[1]?.includes(`\`${prop.name}\``));
      return value === undefined || row === undefined || row.includes(value)
        ? []
        : [`${prop.name}: ${value} is not in ${row}`];
    });
    expect(wrong).toEqual([]);
  });
});

it("every link to another file of the repository leads somewhere", () => {
  const files = fs
    .readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => path.join(root, "docs", file));
  const broken = files.flatMap((file) =>
    [...fs.readFileSync(file, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)].flatMap(([, target = ""]) =>
      fs.existsSync(path.resolve(path.dirname(file), target)) ? [] : [`${path.relative(root, file)}: ${target}`],
    ),
  );
  expect(broken).toEqual([]);
});
