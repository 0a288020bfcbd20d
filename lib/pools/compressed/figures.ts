import { bytes, count, percent } from '../../base/text.js';
import type { Values } from './values.js';

/** Where the values of a {@link CompressedPool} are, and what compressing has done. */
export interface TierFigures {
  readonly hot: {
    readonly values: number;
    /** Of the values. Unit: bytes. */
    readonly bytes: number;
  };
  readonly cold: {
    readonly values: number;
    /** Of the values, as they were put. Unit: bytes. */
    readonly bytes: number;
    /** What they are compressed to. Unit: bytes. */
    readonly compressedBytes: number;
    /** What that takes. Unit: bytes. */
    readonly chunkBytes: number;
    /** Values that are one word again and again, and take nothing but their slots. */
    readonly repeatedValues: number;
  };
  /** `cold.bytes` / `cold.chunkBytes`; 0 while there is nothing in chunks. */
  readonly ratio: number;
  /** Times that a value was compressed. */
  readonly cooled: number;
  /** Times that a cold value was accessed. */
  readonly heated: number;
  /** Values that compressed worse than `minRatio`. */
  readonly rejected: number;
  /** Compressions of values that were accessed or freed meanwhile. */
  readonly inVain: number;
  /** Times that there was no room within `coldBytes`. */
  readonly refused: number;
  /** Values that ended for want of room: see `onEvict`. */
  readonly evicted: number;
  /** Values whose bytes were found changed. */
  readonly corrupt: number;
  /** Compressions by a codec of the program's that failed, and why the last did. */
  readonly codecFailures: number;
  readonly lastCodecFailure: string;
  /** What compressing in the background took of a processor. Unit: milliseconds. */
  readonly cpuMs: number;
}

export function figuresOf({ native, room, foreign }: Values): TierFigures {
  const figures = native.valueFigures();
  const {
    hotValues = 0,
    hotBytes = 0,
    coldValues = 0,
    coldBytes = 0,
    compressedBytes = 0,
    chunkBytes = 0,
    repeatedValues = 0,
    cooled = 0,
    heated = 0,
    rejected = 0,
    inVain = 0,
    refused = 0,
    corrupt = 0,
    cpuNs = 0,
  } = figures ?? {};
  return {
    hot: { values: hotValues, bytes: hotBytes },
    cold: { values: coldValues, bytes: coldBytes, compressedBytes, chunkBytes, repeatedValues },
    ratio: chunkBytes === 0 ? 0 : coldBytes / chunkBytes,
    cooled,
    heated,
    rejected,
    inVain,
    refused,
    evicted: room.evicted,
    corrupt,
    codecFailures: foreign?.failures ?? 0,
    lastCodecFailure: foreign?.lastFailure ?? '',
    cpuMs: cpuNs / 1e6 + (foreign?.busyMs ?? 0),
  };
}

/** The same in words. */
export function figuresText(figures: TierFigures): string {
  const { hot, cold, ratio, cooled, heated, rejected, evicted, refused, cpuMs } = figures;
  const tried = cooled + rejected;
  return [
    'tiers',
    `  hot: ${count(hot.values)} values of ${bytes(hot.bytes)}`,
    `  cold: ${count(cold.values)} values of ${bytes(cold.bytes)} in ${bytes(cold.chunkBytes)}, ${ratio.toFixed(1)} to 1; ` +
      `${count(cold.repeatedValues)} of them one repeated word`,
    `  ${count(cooled)} values were compressed in ${cpuMs.toFixed(0)} ms, and ${count(heated)} accessed again; ` +
      `${percent(tried === 0 ? 0 : rejected / tried)} compressed badly`,
    `  ${count(refused)} times coldBytes were in use, ${count(evicted)} values were evicted`,
  ].join('\n');
}
