import type { DeployedResource } from "../environment/cdktf-project";
import { newTable, right, WIDTH } from "../tools/table";

/** The deployed resources by type, each name once. */
export function resourceTable(resources: DeployedResource[]): string {
  const byType = new Map<string, string[]>();
  for (const { type, name } of resources) byType.set(type, [...(byType.get(type) ?? []), name]);
  const longest = Math.max(...[...byType.keys()].map((type) => type.length));
  const table = newTable(["Kind", "Count", "Names"], WIDTH - longest - 13); // borders, blanks and the count
  for (const [type, names] of [...byType].sort(([a], [b]) => a.localeCompare(b))) {
    table.push([type, right(String(names.length)), [...new Set(names)].sort().join("\n")]);
  }
  table.push(["Total", right(String(resources.length)), ""]);
  return table.toString();
}
