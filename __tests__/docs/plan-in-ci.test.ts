import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { repositoryRoot } from "../../local/tools/paths";
import { stepOf } from "../support/workflow";

const read = (...file: string[]): string => readFileSync(path.join(repositoryRoot, ...file), "utf8");
const page = read("docs", "plan-in-ci.md");
const workflow = read(".github", "workflows", "plan.yml");

const STEPS = [
  "Plan",
  "Write the comment",
  "Apply the plan that was approved",
  "Deploy the schema through the tunnel",
  "Tell what was changed by hand",
  "Look for drift",
];

it.each(STEPS)("the commands of the step %s stand on the page", (step) => {
  expect(stepOf(step).length).toBeGreaterThan(80);
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

it("a run that a schedule starts takes no push's place, and a tag of the branch's name applies nothing", () => {
  const group = /^concurrency:\n(?: {2}#.*\n)? {2}group: .*github\.event_name/m;
  expect(workflow).toMatch(group);
  const [, shown = ""] = /^```yaml\n([\s\S]*?)^```$/m.exec(page) ?? [];
  expect(shown).toMatch(group);
  expect(workflow).not.toMatch(/if:.*github\.ref_name/);
});

it("a pull request leaves its comment, and not the plan with the values of the state", () => {
  const uploads = [
    ...workflow.matchAll(/^ {6}- if: (.*)\n {8}uses: actions\/upload-artifact[\s\S]*?(?=^ {6}- |^ {2}\w)/gm),
  ];
  expect(uploads.map(([text, condition]) => [condition, text.includes("cdktf.out")])).toEqual([
    ["${{ !cancelled() && github.event_name == 'pull_request' }}", false],
    ["github.event_name == 'push'", true],
  ]);
});

describe("the comment of a pull request", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "plan-comment-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const MARKER = "<!-- plan of prod -->";
  const bot = { login: "github-actions[bot]" };
  /** Comments as GitHub lists them: another person's, another program's, the one of another environment, and ours. */
  const others = [
    { id: 1, user: { login: "mallory" }, body: `${MARKER}\nhello` },
    { id: 2, user: bot, body: "## Coverage" },
    { id: 3, user: bot, body: "<!-- plan of dev -->\n## Plan" },
  ];

  /** Runs the step with a program in the place of GitHub's, which answers from a file and writes down what is sent. */
  function write(comments: object[], comment?: string): { sent: string; body: string } {
    const file = (name: string) => path.join(folder, name);
    for (const name of ["comment.md", "sent"]) rmSync(file(name), { force: true });
    writeFileSync(file("comments.json"), JSON.stringify(comments));
    writeFileSync(
      file("gh"),
      '#!/bin/sh\ncase "$*" in *--paginate*) exec jq -r "$5" comments.json;; *) echo "$*" > sent;; esac\n',
      { mode: 0o755 },
    );
    if (comment !== undefined) writeFileSync(file("comment.md"), comment);
    const { status, stderr } = spawnSync(
      "bash",
      ["-ec", stepOf("Comment the pull request, or write the comment anew")],
      {
        cwd: folder,
        encoding: "utf8",
        env: {
          ...process.env,
          PATH: `${folder}:${process.env["PATH"]}`,
          MARKER,
          COMMENTS: "new",
          COMMENT: "old",
          LOG: "https://log",
        },
      },
    );
    expect([status, stderr, existsSync(file("sent"))]).toEqual([0, "", true]);
    return { sent: readFileSync(file("sent"), "utf8").trim(), body: readFileSync(file("body.md"), "utf8") };
  }

  it("is written once, and anew by a later run, whatever the first line of its file says", () => {
    expect(write(others, "## Coverage\nevil")).toEqual({
      sent: "api --silent new -F body=@body.md",
      body: `${MARKER}\n## Coverage\nevil`,
    });
    const own = { id: 4, user: bot, body: `${MARKER}\n<!-- xray-plan a -->` };
    expect(write([...others, own], "<!-- xray-plan a b -->").sent).toBe(
      "api --silent --method PATCH old/4 -F body=@body.md",
    );
  });

  it("says that the plan failed where there is none, so that no older one stands for it", () => {
    const failed = `${MARKER}\n## Plan: failed\n\nThere is no plan of the newest commit: see [the log](https://log).\n`;
    expect(write(others).body).toBe(failed);
    expect(write(others, "").body).toBe(failed);
  });
});
