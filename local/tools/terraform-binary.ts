import path from "node:path";

/** The program that plans and applies: `terraform`, or what cdktf's own variable names, such as `tofu`. */
export function terraformBinary(): string {
  return process.env["TERRAFORM_BINARY_NAME"] ?? "terraform";
}

/** True where that program is OpenTofu, whose providers come from a registry of its own. */
export function isOpenTofu(): boolean {
  return path.basename(terraformBinary()).startsWith("tofu");
}
