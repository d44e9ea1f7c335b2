import { type TerraformStack, Tokenization } from "cdktf";

/**
 * The stack of the resource that a text refers to; undefined where the text is no single reference. cdktf keeps it with
 * each reference, to find the references between stacks, and gives it to nobody.
 */
export function stackOfToken(text: string): TerraformStack | undefined {
  const { tokens, literals } = Tokenization.reverseString(text);
  const [token] = tokens as unknown[] as { originStack?: TerraformStack }[];
  return tokens.length === 1 && literals.length === 0 ? token?.originStack : undefined;
}
