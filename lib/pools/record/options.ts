import { binding } from '../../addon/binding.js';
import type { KnobOptions } from '../../addon/generated/options.js';
import {
  aCount,
  aFlag,
  aFunction,
  aPowerOfTwo,
  checkOptions,
  type OptionCheck,
  optionError,
} from '../../addon/option-checks.js';
import { show } from '../../base/errors.js';
import { knobChecks, optionPairs } from '../pool-options.js';
import { type ChunkPlan, planChunks } from './chunk-plan.js';
import { type Fields, isScalar, type ScalarNames } from './field-types.js';
import { MAX_RECORDS } from './handles.js';
import { isLayout, layoutError, type RecordLayout } from './layout.js';
import type { RecordEntry } from './record-entry.js';

/** Those of every pool that a RecordPool decides by itself, or that say nothing to it. */
type Decided = 'maxBytes' | 'onExhausted' | 'guardPages' | 'quarantineBytes';

/** What can be set for a {@link RecordPool}. The knobs of docs/KNOBS.md hold too, but for those that `max` decides. */
export interface RecordPoolOptions<Shape extends Fields = Fields, Column extends string = ScalarNames<Shape>>
  extends Omit<KnobOptions, Decided> {
  /**
   * Most records that the pool has, whether lent or free; 0 is no limit but 16,777,216.
   * @default 0
   */
  max?: number;
  /**
   * Records that are made, and their memory touched, before the constructor returns, and that stay when they are free.
   * At most `max`.
   * @default 0
   */
  initial?: number;
  /**
   * Fields that lie apart from the others, each contiguously: numbers that are read for all records, by `column()`.
   * @default []
   */
  columns?: readonly Column[];
  /**
   * What each record's fields, but for its columns, begin at a multiple of: a power of two up to 4096. A line of the processor's
   * cache has 64 B: so two records share none.
   * @default the largest alignment of a field
   */
  align?: number;
  /**
   * Whether a number that does not fit into its field is an error. Else it wraps as in a typed array: 256 in a `u8` is 0.
   * @default false
   */
  checked?: boolean;
  /** Is called with each record that is lent, before get() returns it. If it throws, the record is free again. */
  init?: (entry: RecordEntry<Shape>) => void;
  /** Is called with each record that is put, while it is still lent. If it throws, put() throws that when it is done. */
  cleanup?: (entry: RecordEntry<Shape>) => void;
  /**
   * For errors, reports and open(), of printable characters.
   * @default 'pool-1', 'pool-2' and so on
   */
  name?: string;
}

const decided: readonly string[] = [
  'maxBytes',
  'onExhausted',
  'guardPages',
  'quarantineBytes',
] satisfies Decided[];

/** A page: more than that says nothing to who reads fields. */
const MAX_ALIGN = 4096;

const anArray: OptionCheck = (value) => (Array.isArray(value) ? undefined : "an array of fields' names");
/** The native side checks the values of knobs. */
const anything: OptionCheck = () => undefined;

const checks: Readonly<Record<string, OptionCheck>> = {
  max: aCount(0, MAX_RECORDS),
  initial: aCount(0, MAX_RECORDS),
  columns: anArray,
  align: aPowerOfTwo(MAX_ALIGN),
  checked: aFlag,
  init: aFunction,
  cleanup: aFunction,
  name: anything,
  ...knobChecks(decided),
};

/** Options that were checked, and what follows from them. */
export interface RecordSettings {
  readonly layout: RecordLayout;
  readonly max: number;
  readonly initial: number;
  readonly columns: readonly string[];
  readonly checked: boolean;
  readonly init: ((entry: never) => void) | undefined;
  readonly cleanup: ((entry: never) => void) | undefined;
  readonly plan: ChunkPlan;
  /** What the native side is told. */
  readonly pairs: [string, string | number][];
}

function checkColumns(layout: RecordLayout, columns: readonly unknown[]): void {
  const seen = new Set<unknown>();
  for (const name of columns) {
    if (typeof name !== 'string' || !Object.hasOwn(layout.fields, name)) {
      const nearest =
        typeof name === 'string' ? binding.nearestName(name, Object.keys(layout.fields).join('|')) : '';
      const advice = nearest === '' ? 'name fields of the layout' : `did you mean "${nearest}"?`;
      throw optionError(`columns of RecordPool() has ${show(name)}, which is no field: ${advice}`);
    }
    if (!isScalar(layout.fields[name])) {
      throw optionError(
        `columns of RecordPool() has "${name}", which is no number: only numbers can be columns`,
      );
    }
    if (seen.has(name)) throw optionError(`columns of RecordPool() has "${name}" twice`);
    seen.add(name);
  }
}

/** @throws ERR_SUPERSLAB_OPTION, ERR_SUPERSLAB_ARGUMENT for what is no layout */
export function recordSettings(layout: RecordLayout, options: object): RecordSettings {
  if (!isLayout(layout))
    throw layoutError(`a RecordPool needs a layout, as record() returns, got ${show(layout)}`);
  checkOptions('RecordPool()', options, checks);
  const {
    max = 0,
    initial = 0,
    columns = [],
    align = 1,
    checked = false,
    init,
    cleanup,
    name: _,
    ...knobOptions
  } = options as RecordPoolOptions<Fields, string>;
  if (max !== 0 && initial > max) {
    throw optionError(`initial of RecordPool() must be at most max, ${max}, got ${show(initial)}`);
  }
  checkColumns(layout, columns);
  if (align > 1 && columns.length === Object.keys(layout.fields).length) {
    throw optionError(
      `align of RecordPool() needs a field that is no column, got ${align} and ${columns.length} columns of as many fields`,
    );
  }
  const plan = planChunks(layout, columns, align, max);
  const pairs = optionPairs(knobOptions);
  pairs.push(['maxBytes', Math.ceil(max / plan.records) * plan.chunkBytes], ['onExhausted', 'throw']);
  return { layout, max, initial, columns: [...columns], checked, init, cleanup, plan, pairs };
}
