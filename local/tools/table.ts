import Table from "cli-table3";
import pc from "picocolors";

/** Columns of a terminal that every table fits into. */
export const WIDTH = 100;

/** A number, or another text that stands at the right. */
export const right = (content: string): Table.Cell => ({ content, hAlign: "right" });

/**
 * A table for a terminal.
 *
 * @param head its heads; none for a list of settings
 * @param lastColumn characters of the last column, where its texts have to be wrapped
 */
export function newTable(head: string[], lastColumn?: number): Table.Table {
  const plain = { compact: true, head: [], border: [] };
  const widths = head.map((_, index) => (index === head.length - 1 ? lastColumn : undefined));
  return new Table({
    head,
    style: pc.isColorSupported ? { ...plain, head: ["bold"], border: ["gray"] } : plain,
    ...(lastColumn !== undefined && {
      colWidths: widths as number[], // the type does not know that an undefined one is as wide as its texts
      wordWrap: true,
      wrapOnWordBoundary: false,
    }),
  });
}
