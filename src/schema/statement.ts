import { createHash } from "node:crypto";
import { type Token, tokenize } from "./lexer";
import { SchemaError } from "./schema-error";

/** One SQL statement of a migration. */
export interface Statement {
  /** The statement without comments, each run of white space outside of quotes one space, without its semicolon. */
  readonly sql: string;
  /** SHA-256 of `sql`, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Line where it begins, from 1. */
  readonly line: number;
  /** Its tokens, without comments. */
  readonly tokens: readonly Token[];
  /**
   * The reason given by `-- allow: destructive (reason)` before it.
   *
   * @default - no such line
   */
  readonly destructiveReason?: string;
}

const ALLOW = /^(?:--|#)\s*allow\s*:/i;
const ALLOW_DESTRUCTIVE = /^(?:--|#)\s*allow: destructive \((.*\S.*)\)\s*$/;

/** SHA-256 of a text in UTF-8, as 64 hexadecimal digits. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/**
 * Splits SQL text into statements at its semicolons, and normalises each.
 *
 * @param file named in errors
 * @throws SchemaError for a `DELIMITER` command, a malformed `-- allow:` line or text that the lexer refuses.
 */
export function splitStatements(sql: string, file: string): Statement[] {
  const statements: Statement[] = [];
  let tokens: Token[] = [];
  let destructiveReason: string | undefined;

  const finish = (): void => {
    const [first] = tokens;
    if (first !== undefined) statements.push(toStatement(tokens, first, destructiveReason));
    else if (destructiveReason !== undefined) throw new SchemaError("an allow line has no statement after it", file);
    tokens = [];
    destructiveReason = undefined;
  };

  for (const token of tokenize(sql, file)) {
    if (token.kind === "comment") {
      if (ALLOW.test(token.text)) {
        if (tokens.length > 0) throw new SchemaError("an allow line stands before its statement", file, token.line);
        destructiveReason = parseAllow(token, file);
      }
    } else if (token.kind === "symbol" && token.text === ";") {
      finish();
    } else {
      if (tokens.length === 0 && token.kind === "word" && token.text.toUpperCase() === "DELIMITER") {
        throw new SchemaError("DELIMITER is a command of the mysql client, not SQL: leave it out", file, token.line);
      }
      tokens.push(token);
    }
  }
  finish();
  return statements;
}

function parseAllow(token: Token, file: string): string {
  const reason = ALLOW_DESTRUCTIVE.exec(token.text)?.[1];
  if (reason === undefined) {
    const got = JSON.stringify(token.text.trim());
    throw new SchemaError(`got ${got}, an allow line is: -- allow: destructive (the reason)`, file, token.line);
  }
  return reason.trim();
}

function toStatement(tokens: Token[], first: Token, destructiveReason: string | undefined): Statement {
  const sql = tokens.map((token, index) => (index > 0 && token.spaced ? ` ${token.text}` : token.text)).join("");
  const statement = { sql, sha256: sha256(sql), line: first.line, tokens };
  return destructiveReason === undefined ? statement : { ...statement, destructiveReason };
}
