import { SCALARS, type ScalarType, type ScalarView, VIEWS } from './field-types.js';

/** The memory of a chunk of records, in one thread. */
export interface ChunkMemory {
  readonly window: ArrayBuffer;
  /** Where the chunk begins in the window. Unit: bytes. */
  readonly start: number;
  readonly bytes: number;
  /** All of it, for each type of number that the records have. */
  readonly views: Readonly<Partial<Record<ScalarType, ScalarView>>>;
}

export function chunkMemory(
  window: ArrayBuffer,
  start: number,
  bytes: number,
  types: ReadonlySet<ScalarType>,
): ChunkMemory {
  const views: Partial<Record<ScalarType, ScalarView>> = {};
  for (const type of types) views[type] = VIEWS[type](window, start, Math.floor(bytes / SCALARS[type].bytes));
  return { window, start, bytes, views };
}
