import { SchemaError } from "./schema-error";

/** Kind of a token; `word` is a keyword, a bare name or a number, `name` one in backquotes. */
export type TokenKind = "word" | "name" | "string" | "symbol" | "comment";

/** A piece of SQL text, in MySQL's own lexical rules with ANSI_QUOTES and NO_BACKSLASH_ESCAPES off. */
export interface Token {
  /** Kind of the token. */
  readonly kind: TokenKind;
  /** The text as it stands in the file, quotes included. */
  readonly text: string;
  /** Line of its first character, from 1. */
  readonly line: number;
  /** White space or a comment stands before it. */
  readonly spaced: boolean;
}

const WHITE_SPACE = /[ \t\n\r\f\v]+/y;
// A dash comment needs white space (or the end) after its two dashes: `5--1` is a subtraction.
const COMMENT = /#[^\n]*|--(?=[ \t\n\r\f\v]|$)[^\n]*|\/\*[^]*?\*\//y;
const STRING = /'(?:[^'\\]|''|\\[^])*'|"(?:[^"\\]|""|\\[^])*"/y;
const NAME = /`(?:[^`]|``)+`/y;
const WORD = /[A-Za-z0-9_$\u0080-\uffff]+/y;

/** Comments that the server runs (`/*!`, MariaDB's `/*M!`) or obeys (`/*+`) although they look like none. */
const RUNNING_COMMENT = /^\/\*(?:M?!|\+)/;

/**
 * Splits SQL text into tokens, comments included.
 *
 * @throws SchemaError for text that the server would read otherwise than a reader: an unclosed quote, an executable
 * comment, a NUL.
 */
export function tokenize(sql: string, file: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let line = 1;
  let spaced = false;

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    return pattern.exec(sql)?.[0];
  };
  const read = (): [TokenKind | undefined, string] => {
    const space = match(WHITE_SPACE);
    if (space !== undefined) return [undefined, space];
    for (const [kind, pattern] of [
      ["comment", COMMENT],
      ["string", STRING],
      ["name", NAME],
      ["word", WORD],
    ] as const) {
      const text = match(pattern);
      if (text !== undefined) return [kind, text];
    }
    return ["symbol", sql.charAt(position)];
  };

  while (position < sql.length) {
    const [kind, text] = read();
    if (kind === "symbol") checkSymbol(sql, position, file, line);
    if (kind === "comment" && RUNNING_COMMENT.test(text)) {
      throw new SchemaError(
        `an executable comment (${text.slice(0, 12)}…) hides SQL: write it as plain SQL`,
        file,
        line,
      );
    }
    if (kind !== undefined) tokens.push({ kind, text, line, spaced });
    spaced = kind === undefined || kind === "comment";
    position += text.length;
    line += text.split("\n").length - 1;
  }
  return tokens;
}

function checkSymbol(sql: string, position: number, file: string, line: number): void {
  const symbol = sql.charAt(position);
  if (symbol === "'" || symbol === '"' || symbol === "`") {
    throw new SchemaError(`a quote (${symbol}) is not closed`, file, line);
  }
  if (sql.startsWith("/*", position)) throw new SchemaError("a comment (/*) is not closed", file, line);
  if (symbol < " " || symbol === "\u007f") {
    throw new SchemaError(`a control character (code ${symbol.charCodeAt(0)}) stands outside of a string`, file, line);
  }
}

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
