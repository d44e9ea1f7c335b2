import * as fs from "node:fs";
import * as path from "node:path";
import ts from "typescript";

const root = path.join(__dirname, "..", "..");
const modules = path.join(root, "src", "modules");

/** The interfaces of the public API, each with its file and the names of its props. */
function interfaces(): Map<string, { file: string; props: string[] }> {
  const found = new Map<string, { file: string; props: string[] }>();
  for (const file of fs.readdirSync(modules, { encoding: "utf8", recursive: true })) {
    if (!file.endsWith(".ts")) continue;
    const text = fs.readFileSync(path.join(modules, file), "utf8");
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
    for (const statement of source.statements.filter(ts.isInterfaceDeclaration)) {
      const props = statement.members.filter(ts.isPropertySignature).map((member) => member.name.getText(source));
      found.set(statement.name.text, { file, props });
    }
  }
  return found;
}

const all = interfaces();
const folder = path.join(root, "docs", "modules");
const pages = fs.readdirSync(folder).filter((name) => name !== "README.md");
/** Links to the source of an interface; the site makes them links to its page of the API reference. */
const LINK = /\[`(\w+)`\]\(\.\.\/\.\.\/src\/modules\/([^)]+)\)/g;
const linksOf = (text: string): { name: string; file: string }[] =>
  [...text.matchAll(LINK)].map(([, name = "", file = ""]) => ({ name, file }));

test.each(pages)("docs/modules/%s leads to the props, which no table repeats", (page) => {
  const text = fs.readFileSync(path.join(folder, page), "utf8");
  const [, line = ""] = /^\*\*Props:\*\* ((?:.+\n)+)/m.exec(text) ?? [];
  const links = linksOf(line);
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter(({ name, file }) => all.get(name)?.file !== file)).toEqual([]);
  const repeated = links
    .flatMap(({ name }) => all.get(name)?.props ?? [])
    .filter((prop) => text.split("\n").some((row) => row.startsWith(`| \`${prop}\``)));
  expect(repeated).toEqual([]);
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
