import * as fs from "node:fs";
import * as path from "node:path";
import { environments } from "../../src/stacks/environments";
import { synthesizeApp } from "../support/synth";
import { addEnvironment } from "../stacks/support";

const root = path.join(__dirname, "..", "..");
const page = fs.readFileSync(path.join(root, "docs", "modules", "data-lake-alarms.md"), "utf8");
const prod = { ...environments({}).find(({ name }) => name === "prod"), purge: { olderThanDays: 400 } };
const stack = synthesizeApp((app) =>
  addEnvironment(app, { ...prod, backup: { archiveOlderThanDays: 400 } } as Parameters<typeof addEnvironment>[1]),
)["prod-data-lake"];
if (!stack) throw new Error("no stack prod-data-lake");

const targets = stack.ids("aws_cloudwatch_event_target");
const alarms = stack.ids("aws_cloudwatch_metric_alarm");
const template = (id: string): string =>
  (stack.resource("aws_cloudwatch_event_target", id).input_transformer as { input_template: string }).input_template;
const description = (id: string): string => String(stack.resource("aws_cloudwatch_metric_alarm", id).alarm_description);

/** The blocks of the page that show a message, by the id of what sends it. */
const messages = [...page.matchAll(/```json message=(\w+)\n(.*?)\n```/gs)].map(
  ([, id = "", text = ""]) => [`Alarms_${id}Target`, JSON.parse(text) as Record<string, unknown>] as const,
);

it("the page shows the message of each rule", () => expect(messages.map(([id]) => id).sort()).toEqual(targets));

it.each(messages)("as a person gets it: %s", (id, shown) => {
  const written = template(id).replace(/: <(\w+)>/g, (_, name: string) => `: ${JSON.stringify(shown[name])}`);
  expect(JSON.parse(written)).toEqual(shown);
  expect(Object.keys(JSON.parse(written) as object)).toEqual(Object.keys(shown));
});

it("the page shows the description of each alarm", () => {
  const [, shown = ""] = /```text description\n(.*?)\n```/s.exec(page) ?? [];
  expect(shown.split("\n").sort()).toEqual(alarms.map(description).sort());
});

it("each message names a page that is there, and that the runbook's index lists by how the message begins", () => {
  const index = fs.readFileSync(path.join(root, "docs", "runbook", "README.md"), "utf8");
  const [byAlarm = ""] = /## By alarm\n.*?(?=\n## )/s.exec(index) ?? [];
  const texts = [
    ...alarms.map(description).map((text) => text.split(" Runbook: ")),
    ...targets.map((id) => {
      const { alarm, runbook } = JSON.parse(template(id).replace(/: <\w+>/g, ": 0")) as Record<string, string>;
      return [alarm, runbook];
    }),
  ];
  expect(texts).toHaveLength(9);
  for (const [alarm = "", runbook = ""] of texts) {
    expect(fs.existsSync(path.join(root, runbook))).toBe(true);
    const row = byAlarm.split("\n").find((line) => line.includes(`](${path.basename(runbook)})`) && names(line, alarm));
    expect([alarm, row]).toEqual([alarm, expect.any(String)]);
  }
});

/** Tells whether the first cell of a row has the words that a message begins with. */
function names(row: string, message: string): boolean {
  const begin = /^(Database: short of|Database event|No proved backup|\w+ failed)/.exec(message)?.[0] ?? message;
  return row.split("|")[1]?.includes(begin) ?? false;
}
