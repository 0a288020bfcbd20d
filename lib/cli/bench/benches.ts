// The benchmarks that come with the package.

import { bytes } from '../../base/text.js';
import type { BufferPoolOptions } from '../../pools/buffer/options.js';
import type { Contender } from './rounds.js';
import type { Touch, Work } from './work.js';

export interface Bench {
  readonly name: string;
  /** One line: what is compared. */
  readonly about: string;
  /** The first is what the others are compared to. */
  readonly contenders: readonly Contender[];
  readonly cases: readonly Case[];
  /** What stands below each other in the table: few of one are columns, many are rows. */
  readonly rows: 'cases' | 'contenders';
  /** How a ratio is to be read, below the table. */
  readonly note: string;
}

export interface Case {
  readonly name: string;
  readonly work: Work;
  /** Measured with --quick too. */
  readonly isQuick: boolean;
}

type LeakDetection = NonNullable<BufferPoolOptions['leakDetection']>;
type Guard = NonNullable<BufferPoolOptions['guard']>;

const KIB = 1024;
const MIB = 1024 * KIB;

const sizeName = (size: number) => bytes(size).replace('.0 ', ' ');

const single = (size: number, touch: Touch, isQuick: boolean): Case => ({
  name: sizeName(size),
  work: { min: size, max: size, slots: 1, touch },
  isQuick,
});

const mixed = (slots: number, min: number, max: number, isQuick: boolean): Case => ({
  name: `${slots} held, ${sizeName(min)} to ${sizeName(max)}`,
  work: { min, max, slots, touch: 'a byte in each page' },
  isQuick,
});

const EACH_PAGE = 'a byte in each page';

const buffers: Bench = {
  name: 'buffers',
  about: 'taking a buffer, writing a byte to each page of it, giving it back',
  contenders: [
    { name: 'superslab', source: { kind: 'superslab', options: {} } },
    { name: 'Buffer.allocUnsafe', source: { kind: 'Buffer.allocUnsafe' } },
    { name: 'Buffer.alloc', source: { kind: 'Buffer.alloc' } },
  ],
  cases: [
    single(64, EACH_PAGE, true),
    single(KIB, EACH_PAGE, false),
    single(4 * KIB, EACH_PAGE, true),
    single(16 * KIB, EACH_PAGE, false),
    single(64 * KIB, EACH_PAGE, true),
    single(MIB, EACH_PAGE, true),
    mixed(400, 16, KIB, false),
    mixed(400, KIB, 32 * KIB, true),
    mixed(400, 64 * KIB, MIB, false),
  ],
  rows: 'cases',
  note: 'After a peer: its time / that of superslab. SUPERSLAB_* variables count.',
};

/** Every mode is told, so that SUPERSLAB_LEAK_DETECTION and SUPERSLAB_GUARD do not matter here. */
const guarded = (name: string, leakDetection: LeakDetection, guard: Guard): Contender => ({
  name,
  source: { kind: 'superslab', options: { leakDetection, guard } },
});

const guards: Bench = {
  name: 'guards',
  about: 'what finding misuse costs, with buffers that are written whole',
  contenders: [
    guarded('off', 'off', 'off'),
    guarded('leakDetection sampled', 'sampled', 'off'),
    guarded('leakDetection full', 'full', 'off'),
    guarded('guard poison', 'off', 'poison'),
    guarded('guard canary', 'off', 'canary'),
    guarded('guard detach', 'off', 'detach'),
    guarded('full and detach', 'full', 'detach'),
  ],
  cases: [
    single(256, 'all', true),
    single(4 * KIB, 'all', true),
    single(64 * KIB, 'all', true),
    single(MIB, 'all', false),
  ],
  rows: 'contenders',
  note: 'After a mode: its time / that of off. Full watches every lease and keeps two stacks of each.',
};

export const benches: readonly Bench[] = [buffers, guards];
