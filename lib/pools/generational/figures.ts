import { bytes, count, percent } from '../../base/text.js';
import { LEAVING, OLD, PERMANENT, SCOPE, YOUNG } from './chunk.js';
import type { Values } from './values.js';

/** One generation of a {@link GenerationalPool}. */
export interface GenerationFigures {
  /** Values that live. */
  readonly values: number;
  /** Their bytes, each rounded up to 8. */
  readonly liveBytes: number;
  /** Of its chunks. */
  readonly heldBytes: number;
}

/** Where the values of a {@link GenerationalPool} are, and what collections have done. */
export interface GenerationsFigures {
  /** With what a collection that is under way has not looked at yet. */
  readonly young: GenerationFigures;
  readonly old: GenerationFigures;
  readonly permanent: GenerationFigures;
  /** Of scopes that are open. */
  readonly scopes: GenerationFigures;
  /** Collections that were completed. */
  readonly collections: number;
  /** Values that collections have moved. */
  readonly movedValues: number;
  /** Bytes of values that collections have moved from young to old. */
  readonly promotedBytes: number;
  /** Values that went to old at once: larger than young takes, or put while young was full. */
  readonly pretenured: number;
  /** The share of young bytes that survived the last collection, 0 to 1. */
  readonly survival: number;
}

export function figuresOf(values: Values): GenerationsFigures {
  const { store, scopes, collector } = values;
  const sums = store.held.map((heldBytes) => ({ values: 0, liveBytes: 0, heldBytes }));
  for (const chunk of store.chunks) {
    if (chunk === undefined) continue;
    const sum = sums[chunk.generation]!;
    sum.values += chunk.liveValues;
    sum.liveBytes += chunk.liveBytes;
  }
  const [young, leaving] = [sums[YOUNG]!, sums[LEAVING]!];
  const scoped = scopes.used;
  return {
    young: {
      values: young.values + leaving.values,
      liveBytes: young.liveBytes + leaving.liveBytes,
      heldBytes: young.heldBytes + leaving.heldBytes,
    },
    old: sums[OLD]!,
    permanent: sums[PERMANENT]!,
    scopes: { values: scoped.values, liveBytes: scoped.bytes, heldBytes: sums[SCOPE]!.heldBytes },
    collections: collector.collections,
    movedValues: collector.movedValues,
    promotedBytes: collector.promotedBytes,
    pretenured: values.pretenured,
    survival: collector.survival,
  };
}

/** The same in words. */
export function figuresText(figures: GenerationsFigures): string {
  const line = (name: 'young' | 'old' | 'permanent' | 'scopes') => {
    const { values, liveBytes, heldBytes } = figures[name];
    return `  ${name}: ${count(values)} values of ${bytes(liveBytes)} in ${bytes(heldBytes)}`;
  };
  const { collections, survival, movedValues, pretenured } = figures;
  return [
    'generations',
    ...(['young', 'old', 'permanent', 'scopes'] as const).map(line),
    `  ${count(collections)} collections moved ${count(movedValues)} values; ${percent(survival)} of young survived the last one`,
    `  ${count(pretenured)} values went to old at once`,
  ].join('\n');
}
