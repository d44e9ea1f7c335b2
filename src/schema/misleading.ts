import type { Token } from "./lexer";

/** Characters of a bare name; the server takes every other character above U+007F for a letter, a no-break space too. */
const NAME_CHARACTER = /[\p{L}\p{M}\p{N}_$]/u;
/** Blanks other than the space, and characters that are not seen; a name in backquotes may hold anything else. */
const NOT_SEEN = /[\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]/u;

/** Says which character of a statement's names reads as something else than the server takes it for, if there is one. */
export function misleadingCharacter(tokens: readonly Token[]): string | undefined {
  for (const { kind, text } of tokens) {
    const found =
      kind === "word"
        ? [...text].find((character) => !NAME_CHARACTER.test(character) || NOT_SEEN.test(character))
        : kind === "name"
          ? [...text].find((character) => character !== " " && NOT_SEEN.test(character))
          : undefined;
    if (found !== undefined) {
      return `${JSON.stringify(text)} holds the character ${codePoint(found)}, which the server takes for a part of the name`;
    }
  }
  return undefined;
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
