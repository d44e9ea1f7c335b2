import { readFileSync } from "node:fs";
import path from "node:path";
import { repositoryRoot } from "../../local/tools/paths";
import { stepOf } from "../support/workflow";

const read = (...file: string[]): string => readFileSync(path.join(repositoryRoot, ...file), "utf8");
const page = read("docs", "plan-in-ci.md");
const workflow = read(".github", "workflows", "plan.yml");

const STEPS = ["Plan", "Write the comment", "Apply the plan that was approved", "Look for drift"];

it.each(STEPS)("the commands of the step %s stand on the page", (step) => {
  expect(stepOf(step).length).toBeGreaterThan(200);
  expect(page).toContain(`\`\`\`sh\n${stepOf(step)}\`\`\`\n`);
});

it("the calling workflow gives the inputs that are needed, and none that does not exist", () => {
  const [, inputs = ""] = /\n {4}inputs:\n([\s\S]*?)\npermissions/.exec(workflow) ?? [];
  const declared = [...inputs.matchAll(/^ {6}([\w-]+):\n((?: {8}.*\n?)+)/gm)].map(([, name = "", body = ""]) => ({
    name,
    required: body.includes("required: true"),
  }));
  const [, given = ""] = /\n {4}with:\n([\s\S]*?)```/.exec(page) ?? [];
  const names = [...given.matchAll(/^ {6}([\w-]+):/gm)].map(([, name = ""]) => name);
  expect(declared.length).toBeGreaterThan(8);
  expect(declared.filter(({ name, required }) => required && !names.includes(name))).toEqual([]);
  expect(names.filter((name) => !declared.some((input) => input.name === name))).toEqual([]);
});

it("only the job that writes the comment may write to the repository, and it runs no code of a pull request", () => {
  const jobs = workflow.split(/\n(?= {2}\w+:\n {4}name:)/).slice(1);
  expect(jobs.map((job) => /^ {2}(\w+):/.exec(job)?.[1])).toEqual(["plan", "comment", "apply", "drift"]);
  const writers = jobs.filter((job) => /^ {6}(?!id-token)[\w-]+: write/m.test(job));
  expect(writers).toHaveLength(1);
  expect(writers[0]).toContain("pull-requests: write");
  expect(writers[0]).not.toMatch(/actions\/checkout|npm |npx |id-token|environment:/);
});
