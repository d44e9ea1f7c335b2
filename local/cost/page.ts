import { stripVTControlCharacters } from "node:util";
import type { Assumptions } from "./assumptions";
import { costReport } from "./report";

/** The page with each environment's report, which stands in the block of code below `<!-- cost of … -->`. */
export function withReports(page: string, outputFolder: string, assumptions: Assumptions): string {
  return page.replace(
    /(<!-- cost of (\S+) -->\n\n```\n)[^`]*(```)/g,
    (_, start: string, environment: string, end: string) => {
      const report = stripVTControlCharacters(costReport(outputFolder, environment, assumptions));
      return `${start}${report.replace(/ +$/gm, "")}\n${end}`;
    },
  );
}
