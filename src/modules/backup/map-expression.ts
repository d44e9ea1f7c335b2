import { Fn, Token } from "cdktf";

/**
 * A map as an expression. In HCL cdktf writes the names of a map bare, which `--name` and `a.b` cannot be; in an
 * expression it writes them in quotes.
 */
export function mapExpression(map: Record<string, string>): Record<string, string> {
  return Token.asStringMap(Fn.tomap(map));
}
