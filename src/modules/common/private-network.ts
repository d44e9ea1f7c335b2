import { BlockList } from "node:net";

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
