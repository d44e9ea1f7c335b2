/**
 * GiB that the size `large` has, by the family of the class; the other sizes follow in powers of two.
 *
 * @see https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
 */
const GIB_OF_LARGE: [RegExp, number][] = [
  [/^(t2|t3|t4g)$/, 8],
  [/^(m4|m5d?|m6gd?|m6id?n?|m7g|m7i|m8gd?)$/, 8],
  [/^(r5|r5b|r5d|r6gd?|r6id?n?|r7g|r7i|r8gd?)$/, 16],
  [/^(x2g|x2idn)$/, 32],
  [/^x2iedn$/, 64],
];
const SIZES: Record<string, number> = { micro: 1 / 8, small: 1 / 4, medium: 1 / 2, large: 1, xlarge: 2 };

/** GiB of memory of an instance class; undefined where the class is not known. */
export function instanceMemoryGib(instanceClass: string): number | undefined {
  const [, family = "", size = ""] = instanceClass.split(".");
  const [, gib] = GIB_OF_LARGE.find(([pattern]) => pattern.test(family)) ?? [];
  const factor = SIZES[size] ?? 2 * Number(/^(\d+)xlarge$/.exec(size)?.[1]);
  return gib === undefined || Number.isNaN(factor) ? undefined : gib * factor;
}
