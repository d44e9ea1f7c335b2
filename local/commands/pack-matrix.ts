import path from "node:path";
import { StackPlans } from "../environment/stack-plans";
import type { PackageManager } from "../packages/combinations";
import { MODULE_FORMATS, NODE_RELEASES, PACKAGE_MANAGERS, PEER_SETS } from "../packages/combinations";
import { Consumer } from "../packages/consumer";
import { commandOf, installMatrixTools, nodeOf } from "../packages/matrix-tools";
import { attributesOf, differences } from "../packages/stack-attributes";
import { checkTarball, packTarballs } from "../packages/tarballs";
import { localPath } from "../tools/paths";
import { runTool } from "../tools/run-tool";
import { newTable, right } from "../tools/table";
import { ToolError } from "../tools/tool-error";

const folder = localPath("packages");

interface Part {
  readonly managers: readonly PackageManager[];
  readonly formats: readonly string[];
  /** Programs by the name that the table has. */
  readonly nodes: Readonly<Record<string, string>>;
}

/** The part of the matrix that needs no other Node.js and no other package manager. */
const SHORT: Part = {
  managers: ["npm"],
  formats: ["cjs-node", "esm-nodenext", "cjs-bundler"],
  nodes: { [process.versions.node.split(".")[0] ?? ""]: process.execPath },
};
const WHOLE: Part = {
  managers: PACKAGE_MANAGERS,
  formats: Object.keys(MODULE_FORMATS),
  nodes: Object.fromEntries(Object.keys(NODE_RELEASES).map((major) => [major, nodeOf(major)])),
};

/** Attributes of the bindings, "aws" and "hashicorp/aws" being one provider, and of the project: the folder of a state in a file. */
const NOT_COMPARED = [
  "terraform.backend.local.path",
  "terraform.required_providers.aws.source",
  "terraform.required_providers.aws.version",
];

/** Attributes of stacks by their address, but these. */
function attributesOfAll(stacks: Record<string, unknown>): Map<string, string> {
  const named = Object.entries(stacks).flatMap(([stack, blocks]) =>
    [...attributesOf(blocks as Record<string, unknown>)]
      .filter(([address]) => !NOT_COMPARED.includes(address))
      .map(([address, value]): [string, string] => [`${stack}.${address}`, value]),
  );
  return new Map(named);
}

// Installs the packed packages into fresh projects, one for each combination, type-checks, synthesizes and plans them.
runTool(async () => {
  const [option, ...rest] = process.argv.slice(2);
  if (rest.length > 0 || (option !== undefined && option !== "--whole")) {
    throw new ToolError(`the one option is --whole, got ${process.argv.slice(2).join(" ")}`);
  }
  const { managers, formats, nodes } = option === undefined ? SHORT : WHOLE;
  if (option !== undefined) await installMatrixTools();
  const tarballs = await packTarballs(path.join(folder, "tarballs"));
  for (const tarball of Object.values(tarballs)) await checkTarball(tarball);
  const plans = await StackPlans.start();
  const table = newTable(["Peers", "Manager", "Install s", "Types", "Synths", "Planned", "AWS provider", "Seconds"]);
  let cells = 0;
  let first: Map<string, string> | undefined;
  let environments: Map<string, string> | undefined;
  try {
    for (const [name, peers] of Object.entries(PEER_SETS)) {
      for (const manager of managers) {
        const start = Date.now();
        const consumer = new Consumer(path.join(folder, `${name}-${manager}`), peers);
        console.log(`${name}, ${manager}: install`);
        await consumer.install(manager, commandOf(manager), tarballs[peers.cdk]);
        const installed = Date.now();
        if (manager === managers[0]) await consumer.checkSources();
        /** The formats by what they synthesize: equal stacks are planned once. */
        const results = new Map<string, string>();
        for (const format of formats) {
          const options = MODULE_FORMATS[format];
          if (options === undefined) continue;
          await consumer.compile(format, options);
          for (const node of Object.values(nodes)) {
            const stacks = await consumer.synthesize(format, node);
            results.set(JSON.stringify(stacks), format);
            const attributes = attributesOfAll(stacks);
            const different = differences(attributes, (first ??= attributes));
            if (different.length > 0) {
              throw new ToolError(
                `${name}, ${manager}, ${format}: other than in the first cell: ${different.join(", ")}`,
              );
            }
            cells++;
          }
        }
        const own = attributesOfAll(await consumer.synthesizeEnvironments(process.execPath));
        const different = differences(own, (environments ??= own));
        if (different.length > 0) {
          throw new ToolError(
            `${name}, ${manager}: environments differ from the first cell's in ${different.join(", ")}`,
          );
        }
        console.log(`${name}, ${manager}: environments of ${own.size} attributes, 0 other than in the first cell`);
        const told = await consumer.synthesizeWithoutTargetVersions(formats[0] ?? "");
        if ((peers.cdk === "cdktn") !== told.includes("targetVersions must be declared")) {
          throw new ToolError(`${name}, ${manager}: a synth without targetVersions said: ${told || "nothing"}`);
        }
        if (results.size !== 1) {
          throw new ToolError(
            `${name}, ${manager}: ${[...results.values()].join(" and ")} synthesize different stacks`,
          );
        }
        const [format = ""] = results.values();
        const stack = path.join(consumer.formatFolder(format), "cdktf.out", "stacks", "own-lake");
        console.log(`${name}, ${manager}: terraform validate and plan`);
        const { awsVersion, resources } = await plans.plan(stack);
        table.push([
          name,
          manager,
          right(((installed - start) / 1000).toFixed(0)),
          right(String(formats.length)),
          right(String(formats.length * Object.keys(nodes).length)),
          right(String(resources.length)),
          awsVersion,
          right(((Date.now() - start) / 1000).toFixed(0)),
        ]);
      }
    }
  } finally {
    await plans.stop();
  }
  console.log(table.toString());
  console.log(`${cells} combinations, 0 failed`);
});
