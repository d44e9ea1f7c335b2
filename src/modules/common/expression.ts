import { Fn, type IResolvable, type IResolveContext, Token, Tokenization } from "cdktf";

const TOKEN = /(\$\{TfToken\[[^\]]*\]\}|-?\d+(?:\.\d+)?e\+\d+)/;
const ESCAPES: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A text as a Terraform template: `${` and `%{` stand for themselves, tokens for their values. */
export function terraformLiteral(text: string): string {
  return text.replace(/([$%])\{(?!TfToken\[)/g, "$1$1{");
}

/**
 * A text for use inside an expression, as an argument of a function or a value of a map: every character stands for
 * itself, every token for its value. cdktf itself escapes neither quotes nor backslashes nor `%{` there, and writes a
 * number token's reference as text.
 */
export function expressionString(text: string): string {
  const plain = !/["\\\r\n\t]|[$%]\{(?!TfToken\[)/.test(text) && !text.split(TOKEN).some(isNumberToken);
  return plain ? text : Token.asString(new QuotedTemplate(text));
}

/**
 * A map as an expression. In HCL cdktf writes the names of a map bare, which `--name` and `a.b` cannot be; in an
 * expression it writes them in quotes.
 */
export function mapExpression(map: Record<string, string>): Record<string, string> {
  const values = Object.entries(map).map(([name, value]) => [name, expressionString(value)]);
  return Token.asStringMap(Fn.tomap(Object.fromEntries(values)));
}

class QuotedTemplate implements IResolvable {
  readonly creationStack = [];

  constructor(private readonly text: string) {}

  resolve(context: IResolveContext): string {
    const { suppressBraces } = context;
    context.suppressBraces = true;
    const parts = this.text.split(TOKEN).map((part) => {
      const token = isNumberToken(part)
        ? Tokenization.reverseNumber(Number(part))
        : Tokenization.reverseString(part).tokens[0];
      return token === undefined ? escape(part) : `\${${context.resolve(token) as string}}`;
    });
    context.suppressBraces = suppressBraces;
    return suppressBraces ? `"${parts.join("")}"` : `\${"${parts.join("")}"}`;
  }

  toString(): string {
    return Token.asString(this);
  }

  toJSON(): string {
    return this.text;
  }
}

function isNumberToken(part: string): boolean {
  return part.includes("e+") && Token.isUnresolved(Number(part));
}

function escape(literal: string): string {
  return terraformLiteral(literal).replace(/["\\\r\n\t]/g, (character) => ESCAPES[character] ?? character);
}

// A field taken from the ARN of a resource of ours costs no call to AWS, so that a plan works without credentials.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html

/** The parts of an ARN that every resource of one stack shares. */
export interface ArnScope {
  /** `aws`, `aws-cn` or `aws-us-gov`. */
  readonly partition: string;
  /** For example `eu-central-1`. */
  readonly region: string;
  /** The twelve digits of the account. */
  readonly account: string;
}

/** Reads partition, region and account from an ARN; the region is empty where the resource has none. */
export function arnScope(arn: string): ArnScope {
  const field = (index: number): string => Fn.element(Fn.split(":", arn), index) as string;
  return { partition: field(1), region: field(3), account: field(4) };
}
