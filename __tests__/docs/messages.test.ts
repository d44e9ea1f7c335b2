import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import ts from "typescript";
import { DOCUMENTATION_PAGES, documentationPage } from "../../src/schema/documentation";

const root = path.join(__dirname, "..", "..");

const filesOf = (folder: string, ending: string): string[] =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file));
const read = (file: string): string => readFileSync(path.join(root, file), "utf8");

/** The texts in a program, without its comments. */
function textsOf(file: string): string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) ||
      ts.isTemplateTail(node)
    ) {
      texts.push(node.text);
    }
    node.forEachChild(visit);
  };
  visit(ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2022));
  return texts;
}

const NAMES_A_PAGE = /(?<!https?:\S*)(?:\bdocs\/|[\w-]\.md\b|\bREADME\b)/;

test("every message that names a page takes its address from one function", () => {
  const programs = filesOf("src", ".ts").filter((file) => !/^src.(providers|schema.documentation)/.test(file));
  const others = [...filesOf("glue/xray_backup", ".py"), ...filesOf("sql", ".sql"), ...filesOf("airflow/dags", ".py")];
  expect(programs.length).toBeGreaterThan(50);
  expect(others.length).toBeGreaterThan(20);
  expect(programs.filter((file) => textsOf(file).some((text) => NAMES_A_PAGE.test(text)))).toEqual([]);
  expect(others.filter((file) => NAMES_A_PAGE.test(read(file)))).toEqual([]);
});

test("a checkout names the page's file", () => {
  expect(documentationPage("runbook/instance-gone")).toBe("docs/runbook/instance-gone.md");
  expect(DOCUMENTATION_PAGES.filter((page) => !existsSync(path.join(root, documentationPage(page))))).toEqual([]);
});

describe("a package with a homepage", () => {
  const homepage = `https://${"o".repeat(20)}.github.io/cdktf-xray-data-lake`;
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "homepage-"));
    mkdirSync(path.join(folder, "dist"));
    cpSync(path.join(root, "dist", "schema"), path.join(folder, "dist", "schema"), { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function run(expression: string, manifest: Record<string, string>): unknown {
    writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
    const script = `console.log(JSON.stringify(${expression}))`;
    return JSON.parse(execFileSync(process.execPath, ["-e", script], { cwd: folder, encoding: "utf8" }));
  }
  const page = 'require("./dist/schema/documentation.js").documentationPage("runbook/instance-gone")';

  test("names the page's address", () => {
    const address = `${homepage}/runbook/instance-gone/`;
    expect(run(page, { name: "cdktf-xray-data-lake", homepage })).toBe(address);
    expect(run(page, { name: "cdktf-xray-data-lake", homepage: `${homepage}/` })).toBe(address);
  });

  test("another package's homepage is not taken", () => {
    expect(run(page, { name: "clinic", homepage })).toBe("docs/runbook/instance-gone.md");
  });

  test("the addresses fit into the messages of the database", () => {
    const procedure = run('require("./dist/schema/ledger.js").createApplyProcedure("x_ray")', {
      name: "cdktf-xray-data-lake",
      homepage,
    }) as string;
    const messages = [...procedure.matchAll(/LEFT\(CONCAT\(v_label, '(.+)', '(https:.+)'\), 128\)/g)];
    expect(messages).toHaveLength(2);
    for (const [, words = "", address = ""] of messages) {
      expect(`V0003.12${words}${address}`.length).toBeLessThanOrEqual(128);
    }
  });
});
