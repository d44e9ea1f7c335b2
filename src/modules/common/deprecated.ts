import { Annotations } from "cdktf";
import type { IConstruct } from "constructs";

/** Name that an app can still use, and that a later version removes. */
export interface Deprecation {
  /** The method, prop or class, as an app writes it. */
  readonly name: string;
  /** Replacement, as what follows the word "use". */
  readonly use: string;
  /** Version of this package that removes the name. */
  readonly removedIn: string;
}

const warned = new WeakMap<IConstruct, Set<string>>();

/** Warns at synth, once for a construct, that an app uses a deprecated name. Call it where the name is used. */
export function warnDeprecated(scope: IConstruct, { name, use, removedIn }: Deprecation): void {
  const names = warned.get(scope) ?? new Set();
  if (names.has(name)) return;
  warned.set(scope, names.add(name));
  Annotations.of(scope).addWarning(`${name} is deprecated: use ${use}; version ${removedIn} removes ${name}`);
}
