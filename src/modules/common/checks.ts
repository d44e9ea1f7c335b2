import { BlockList } from "node:net";
import { isIPv4 } from "node:net";
import { Construct, type IConstruct } from "constructs";
import { Token } from "cdktf";
import { ValidationError } from "./validation-error";

// Every check lets undefined and unresolved tokens pass: the first means the default, the second is Terraform's to judge.

/** Throws unless `value` is a whole number from `min` to `max`. */
export function checkInteger(
  scope: IConstruct,
  prop: string,
  value: number | undefined,
  min: number,
  max: number,
): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (!Number.isInteger(value) || value < min || value > max) {
    const got = typeof value === "number" ? value : JSON.stringify(value);
    throw new ValidationError(scope, `${prop} must be a whole number from ${min} to ${max}, got ${got}`);
  }
}

/** Throws unless the construct `id` has got props: plain JavaScript may leave them out. Works before the constructor's `super`. */
export function checkProps(scope: IConstruct, id: string, props: unknown): void {
  if (typeof props === "object" && props !== null) return;
  const got = typeof props === "string" ? JSON.stringify(props) : String(props);
  throw new ValidationError(scope, `the props of ${id} must be an object with its properties, got ${got}`);
}

/**
 * Throws unless `value` is a construct that has `member`: a name or an ARN in its place would end in a TypeError.
 *
 * @param wanted the construct, and its import where there is one
 */
export function checkConstruct(scope: IConstruct, prop: string, value: unknown, member: string, wanted: string): void {
  if (typeof value === "object" && value !== null && member in value) return;
  const got =
    typeof value === "string" ? JSON.stringify(value) : (value ?? undefined) === undefined ? value : typeof value;
  throw new ValidationError(scope, `${prop} must be ${wanted}, got ${got}`);
}

/** Throws unless `value` matches `pattern`; `allowed` says in words what does. */
export function checkPattern(
  scope: IConstruct,
  prop: string,
  value: string | undefined,
  pattern: RegExp,
  allowed: string,
): void {
  if (value === undefined || Token.isUnresolved(value) || (typeof value === "string" && pattern.test(value))) return;
  throw new ValidationError(scope, `${prop} must be ${allowed}, got ${JSON.stringify(value)}`);
}

/** Throws unless `value` is one of `allowed`. */
export function checkOneOf(scope: IConstruct, prop: string, value: unknown, allowed: readonly unknown[]): void {
  if (value === undefined || Token.isUnresolved(value) || allowed.includes(value)) return;
  throw new ValidationError(scope, `${prop} must be one of ${allowed.join(", ")}, got ${JSON.stringify(value)}`);
}

/** Throws unless `value` is a list whose length is known at synth: each entry makes something with an address of its own. */
export function checkList(scope: IConstruct, prop: string, value: unknown): void {
  if (value === undefined || (Array.isArray(value) && !Token.isUnresolved(value))) return;
  const got = Token.isUnresolved(value)
    ? "a token"
    : Construct.isConstruct(value)
      ? "a construct"
      : JSON.stringify(value);
  throw new ValidationError(scope, `${prop} must be a list that is known at synth, got ${got}`);
}

/** Throws unless `value` is an IPv4 network with a mask of `minBits` to `maxBits` and no bit set behind the mask. */
export function checkCidr(
  scope: IConstruct,
  prop: string,
  value: string | undefined,
  minBits: number,
  maxBits: number,
): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  const [address = "", bits = "", ...rest] = value.split("/");
  const mask = Number(bits);
  const valid =
    rest.length === 0 &&
    isIPv4(address) &&
    /^\d{1,2}$/.test(bits) &&
    mask >= minBits &&
    mask <= maxBits &&
    hostPart(address, mask) === 0;
  if (valid) return;
  throw new ValidationError(
    scope,
    `${prop} must be an IPv4 network such as 10.0.0.0/16 with a mask from /${minBits} to /${maxBits}, got ${JSON.stringify(value)}`,
  );
}

function hostPart(address: string, maskBits: number): number {
  const number = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return number % 2 ** (32 - maskBits);
}

/** The networks besides the private ones that are not of the internet: https://www.iana.org/assignments/iana-ipv4-special-registry */
const SPECIAL = new BlockList();
for (const [address, bits] of [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  SPECIAL.addSubnet(address, bits);
}

/** Throws unless `value` is an IPv4 network of the internet for one person or one office: /24 to /32. */
export function checkPublicCidr(scope: IConstruct, prop: string, value: string | undefined): void {
  if (value === undefined) return;
  const [address = "", bits = "", ...rest] = String(value).split("/");
  const mask = Number(bits);
  const valid =
    rest.length === 0 &&
    isIPv4(address) &&
    /^\d{2}$/.test(bits) &&
    mask >= 24 &&
    mask <= 32 &&
    hostPart(address, mask) === 0 &&
    !isPrivateNetwork(value) &&
    !SPECIAL.check(address);
  if (valid) return;
  throw new ValidationError(
    scope,
    `${prop} must be a public IPv4 network from /24 to /32, such as your own address 203.0.113.7/32, got ${JSON.stringify(value)}`,
  );
}

/** The networks that no host on the internet has: https://www.rfc-editor.org/rfc/rfc1918, and those of carriers. */
const PRIVATE = new BlockList();
for (const [address, bits] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
] as const) {
  PRIVATE.addSubnet(address, bits);
}

/** Tells whether an IPv4 network, written as `10.0.0.0/16`, lies in the private ones from its first to its last address. */
export function isPrivateNetwork(cidr: string): boolean {
  const [address = "", bits = "32"] = cidr.split("/");
  const first = address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const last = first + 2 ** (32 - Number(bits)) - 1;
  const lastAddress = [24, 16, 8, 0].map((shift) => Math.floor(last / 2 ** shift) % 256).join(".");
  return PRIVATE.check(address) && PRIVATE.check(lastAddress);
}
