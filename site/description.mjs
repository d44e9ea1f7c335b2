// The description of a page, for search engines and link previews: its first paragraph of plain text.
const LONGEST = 160;

const isText = (block) => !/^(#|```|\||[-*>] |\d+\. |<|!\[|\*\*\*| {4})/.test(block);

const plain = (block) =>
  block
    .replace(/!?\[((?:[^\][]|\[[^\]]*\])*)\]\([^)]*\)/g, "$1")
    .replace(/^\*\*[^*]+[.:]\*\* /, "") // a paragraph's label
    .replace(/\*\*|`/g, "")
    .replace(/(^|\s)_([^_]+)_/g, "$1$2")
    .replace(/\s+/g, " ")
    .trim();

/** Whole sentences as far as they fit, or the beginning of the first one. */
function shortened(text) {
  const sentences = /^.{1,160}[.:](?= |$)/.exec(text)?.[0];
  if (sentences !== undefined) return sentences.replace(/:$/, ".");
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST).replace(/[ ,;:]+\S*$/, "")} …`;
}

/** The description from a page's Markdown without its title; undefined for a page that has only lists, tables or code. */
export function descriptionOf(text) {
  const blocks = text.split(/\n\s*\n/).map((block) => block.replace(/^\n+/, ""));
  const block = blocks.find((one) => one.trim() !== "" && isText(one));
  return block && shortened(plain(block));
}
