// What values that the program gave may be.

/** Whether it could name a block: the generation of one that lives is odd (docs/FILE-FORMAT.md). */
export function mayBeHandle(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && Math.floor(value / 2 ** 32) % 2 === 1;
}

export function isThenable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}
