import type { Token } from "./lexer";

/** Characters of a bare name; the server takes every other character above U+007F for a letter, a no-break space too. */
const NAME_CHARACTER = /[\p{L}\p{M}\p{N}_$]/u;
/** Blanks other than the space, and characters that are not seen; a name in backquotes may hold anything else. */
const NOT_SEEN = /[\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]/u;
const LATIN = /\p{Script=Latin}/u;
/** Letters of alphabets that look like Latin ones, as the Cyrillic `а`. */
const LIKE_LATIN = /[\p{Script=Cyrillic}\p{Script=Greek}]/u;

/** Says which character of a statement's names reads as something else than the server takes it for, if there is one. */
export function misleadingCharacter(tokens: readonly Token[]): string | undefined {
  for (const { kind, text } of tokens) {
    if (kind !== "word" && kind !== "name") continue;
    const alike = LATIN.test(text) ? LIKE_LATIN.exec(text)?.[0] : undefined;
    if (alike !== undefined) {
      return `${JSON.stringify(text)} holds the character ${codePoint(alike)}, which reads as a Latin letter and makes another name`;
    }
    if (text !== text.normalize("NFC")) {
      return `${JSON.stringify(text)} is not in Unicode's form NFC: the server takes it for another name than the one that reads the same`;
    }
    const found =
      kind === "word"
        ? [...text].find((character) => !NAME_CHARACTER.test(character) || NOT_SEEN.test(character))
        : [...text].find((character) => character !== " " && NOT_SEEN.test(character));
    if (found !== undefined) {
      return `${JSON.stringify(text)} holds the character ${codePoint(found)}, which the server takes for a part of the name`;
    }
  }
  return undefined;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
