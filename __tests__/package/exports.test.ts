import * as path from "node:path";
import ts from "typescript";

const root = path.join(__dirname, "..", "..");

/** Names that a module exports, types included. */
function exportsOf(file: string): string[] {
  const fileName = path.join(root, "src", file);
  const program = ts.createProgram([fileName], { target: ts.ScriptTarget.ES2022, skipLibCheck: true, types: [] });
  const source = program.getSourceFile(fileName);
  const checker = program.getTypeChecker();
  const module = source && checker.getSymbolAtLocation(source);
  return (module ? checker.getExportsOfModule(module) : []).map(({ name }) => name).sort();
}

// A name here is a promise until the next major version.
it.each(["index.ts", "stacks/index.ts"])("src/%s exports these names and no other", (file) => {
  expect(exportsOf(file)).toMatchSnapshot();
});
