import { readFileSync } from "node:fs";
import path from "node:path";
import { ToolError } from "../tools/tool-error";

type Json = { [key: string]: unknown };

/** Parts of a synthesized stack that the replayer reads. */
export interface StackJson {
  readonly resource?: Record<string, Record<string, Json>>;
  readonly data?: Record<string, Record<string, Json>>;
  readonly ephemeral?: Record<string, Record<string, Json>>;
  readonly locals?: Json;
}

/** The text of a secret, for example RDS's JSON, by its ARN or name. */
export type SecretReader = (secretId: string) => Promise<string>;

/**
 * The few Terraform expressions that a metadata schema stack holds: references to a local, to another stack's output, to
 * an attribute of a user, to an ephemeral secret, and `jsondecode(…).key`. Anything else is an error, not a guess.
 */
export class Expressions {
  constructor(
    private readonly stack: StackJson,
    private readonly stackFolder: string,
    private readonly readSecret: SecretReader,
  ) {}

  /** The value of a string of the stack's JSON. */
  async evaluate(text: string): Promise<string> {
    const expression = /^\$\{([^]*)\}$/.exec(text)?.[1];
    if (expression !== undefined) return String(await this.evaluateExpression(expression.trim()));
    if (/(^|[^$%])[$%]\{/.test(text)) throw this.unknown(text);
    return text.replace(/([$%])\1\{/g, "$1{");
  }

  private async evaluateExpression(expression: string): Promise<unknown> {
    const decoded = /^jsondecode\(([^]*)\)\.(\w+)$/.exec(expression);
    if (decoded?.[1] !== undefined && decoded[2] !== undefined) {
      const value = (JSON.parse(String(await this.evaluateExpression(decoded[1]))) as Json)[decoded[2]];
      if (value === undefined) throw new ToolError(`the JSON of ${decoded[1]} has no key "${decoded[2]}"`);
      return value;
    }
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = expression.split(".");
    if (first === "local") return this.evaluate(String(this.lookUp(this.stack.locals, second, expression)));
    if (first === "ephemeral" && fourth === "secret_string") {
      const secret = this.lookUp(this.stack.ephemeral?.[second], third, expression) as Json;
      return this.readSecret(await this.evaluate(String(secret["secret_id"])));
    }
    if (first === "data" && second === "terraform_remote_state" && fourth === "outputs") {
      return this.remoteOutput(third, fifth, expression);
    }
    const resource = this.lookUp(this.stack.resource?.[first], second, expression) as Json;
    return this.evaluate(String(this.lookUp(resource, third, expression)));
  }

  /** Another stack's output, from the state that a local backend keeps. */
  private remoteOutput(name: string, output: string, expression: string): unknown {
    const remote = this.lookUp(this.stack.data?.["terraform_remote_state"], name, expression) as Json;
    const file = (remote["config"] as Json | undefined)?.["path"];
    if (typeof file !== "string") throw new ToolError(`${expression}: the replayer reads local states only`);
    const state = JSON.parse(readFileSync(path.resolve(this.stackFolder, file), "utf8")) as { outputs: Json };
    return (this.lookUp(state.outputs, output, expression) as Json)["value"];
  }

  private lookUp(values: Json | undefined, key: string, expression: string): unknown {
    const value = values?.[key];
    if (value === undefined) throw this.unknown(expression);
    return value;
  }

  private unknown(expression: string): ToolError {
    return new ToolError(`the replayer does not know the expression ${JSON.stringify(expression.slice(0, 200))}`);
  }
}
