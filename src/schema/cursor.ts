import type { Token, TokenKind } from "./lexer";

/** Walks over the tokens of a statement; each `accept…` moves on only where it finds what it is asked for. */
export class Cursor {
  private position = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  get atEnd(): boolean {
    return this.position >= this.tokens.length;
  }

  /** Beginning of the rest, for a message. */
  get rest(): string {
    const rest = this.tokens.slice(this.position).map(({ text, spaced }) => (spaced ? ` ${text}` : text));
    const text = rest.join("").trim();
    if (text === "") return "its end";
    return text.length > 50 ? `${text.slice(0, 50)}…` : text;
  }

  /** Accepts these keywords or symbols, all of them in this order. */
  accept(...texts: string[]): boolean {
    const found = texts.every((text, index) => {
      const token = this.tokens[this.position + index];
      return (
        token !== undefined && (token.kind === "word" || token.kind === "symbol") && token.text.toUpperCase() === text
      );
    });
    if (found) this.position += texts.length;
    return found;
  }

  /** Accepts the first of the alternatives that fits; each is one or more keywords with a space between. */
  acceptOneOf(...alternatives: string[]): boolean {
    return alternatives.some((alternative) => this.accept(...alternative.split(" ")));
  }

  /** The name that comes next, without its quotes. */
  get name(): string | undefined {
    const token = this.tokens[this.position];
    if (token?.kind === "name") return token.text.slice(1, -1).replaceAll("``", "`");
    return token?.kind === "word" ? token.text : undefined;
  }

  /** Accepts a name, quoted or bare, without a database before it. */
  acceptName(): boolean {
    if (this.name === undefined) return false;
    const next = this.tokens[this.position + 1];
    if (next?.kind === "symbol" && next.text === ".") return false;
    this.position += 1;
    return true;
  }

  /** Accepts a bare word, for example a number. */
  acceptWord(): boolean {
    return this.acceptKind("word");
  }

  /** Accepts a bare word that matches, and returns it. */
  acceptMatch(pattern: RegExp): string | undefined {
    const token = this.tokens[this.position];
    if (token?.kind !== "word" || !pattern.test(token.text)) return undefined;
    this.position += 1;
    return token.text;
  }

  /** Accepts a string in quotes. */
  acceptString(): boolean {
    return this.acceptKind("string");
  }

  /** Accepts any one token. */
  skip(): void {
    this.position += 1;
  }

  /** Tells whether this keyword comes next. */
  peek(keyword: string): boolean {
    const token = this.tokens[this.position];
    return token?.kind === "word" && token.text.toUpperCase() === keyword;
  }

  /** Accepts a balanced pair of parentheses and returns what is in it. */
  acceptGroup(): readonly Token[] | undefined {
    if (!isSymbol(this.tokens[this.position], "(")) return undefined;
    const end = closingParenthesis(this.tokens, this.position);
    if (end === undefined) return undefined;
    const inside = this.tokens.slice(this.position + 1, end);
    this.position = end + 1;
    return inside;
  }

  /** Accepts all that is left and returns it. */
  acceptRest(): readonly Token[] {
    const rest = this.tokens.slice(this.position);
    this.position = this.tokens.length;
    return rest;
  }

  private acceptKind(kind: TokenKind): boolean {
    if (this.tokens[this.position]?.kind !== kind) return false;
    this.position += 1;
    return true;
  }
}

/** Splits tokens at the commas that stand in no parentheses. */
export function splitAtCommas(tokens: readonly Token[]): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (isSymbol(token, "(")) depth += 1;
    if (isSymbol(token, ")")) depth -= 1;
    if (depth === 0 && isSymbol(token, ",")) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Accepts `[COLUMN] (column, …)` at its end and returns the columns. */
export function columnList(cursor: Cursor): Token[][] | undefined {
  if (!cursor.accept("COLUMN", "(") && !cursor.accept("(")) return undefined;
  const rest = cursor.acceptRest();
  return isSymbol(rest.at(-1), ")") ? splitAtCommas(rest.slice(0, -1)) : undefined;
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === "symbol" && token.text === text;
}

function closingParenthesis(tokens: readonly Token[], start: number): number | undefined {
  let depth = 0;
  for (let index = start; index < tokens.length; index += 1) {
    if (isSymbol(tokens[index], "(")) depth += 1;
    if (isSymbol(tokens[index], ")")) depth -= 1;
    if (depth === 0) return index;
  }
  return undefined;
}
