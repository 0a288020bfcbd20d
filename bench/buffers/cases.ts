const KIB = 1024;
const MIB = 1024 * KIB;

/** A step of 4 KiB touches every page, or more often where pages are larger. */
export const PAGE = 4096;

export const SIZES = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB];

/** Slots of the mixed working set. */
export const SLOTS = 400;

/** Sizes of the mixed working set, both inclusive. */
export const RANGES: readonly (readonly [number, number])[] = [
  [16, 1040],
  [KIB, 32 * KIB],
  [64 * KIB, MIB],
];

export interface LoopCase {
  /** single: acquire and release one buffer; mixed: random slots of a working set. */
  readonly kind: 'single' | 'mixed';
  readonly min: number;
  readonly max: number;
  /** Write a byte in every page. */
  readonly touch: boolean;
}

export const LOOP_CASES: readonly LoopCase[] = [false, true].flatMap((touch) => [
  ...SIZES.map((size): LoopCase => ({ kind: 'single', min: size, max: size, touch })),
  ...RANGES.map(([min, max]): LoopCase => ({ kind: 'mixed', min, max, touch })),
]);

export function sizeName(bytes: number): string {
  if (bytes >= MIB) return `${bytes / MIB} MiB`;
  return bytes >= KIB && bytes % KIB === 0 ? `${bytes / KIB} KiB` : `${bytes} B`;
}

export function loopCaseName({ kind, min, max, touch }: LoopCase): string {
  const size = kind === 'single' ? sizeName(min) : `${SLOTS} slots of ${sizeName(min)} to ${sizeName(max)}`;
  return touch ? `${size}, each page touched` : size;
}
