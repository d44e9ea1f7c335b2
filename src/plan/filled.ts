/** A value without its empty parts: what a first refresh finds empty, an apply has left out. */
export function filled(value: unknown): unknown {
  if (Array.isArray(value)) {
    const parts = value.map(filled).filter((part) => part !== undefined);
    return parts.length === 0 ? undefined : parts;
  }
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value).map(([name, part]) => [name, filled(part)] as const);
    const left = parts.filter(([, part]) => part !== undefined);
    return left.length === 0 ? undefined : Object.fromEntries(left);
  }
  return value === null || value === "" ? undefined : value;
}
