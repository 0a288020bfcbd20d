// The benchmarks that come with the package.
import { bytes } from '../../text.js';
import type { Contender } from './rounds.js';
import type { Touch, Work } from './work.js';

export interface Bench {
  readonly name: string;
  /** One line: what is compared. */
  readonly about: string;
  /** The first is what the others are compared to. */
  readonly contenders: readonly Contender[];
  readonly cases: readonly Case[];
  /** How a ratio is to be read, below the table. */
  readonly note: string;
}

export interface Case {
  readonly name: string;
  readonly work: Work;
  /** Measured with --quick too. */
  readonly isQuick: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;

const sizeName = (size: number) => bytes(size).replace('.0 ', ' ');

const single = (size: number, touch: Touch, isQuick: boolean): Case => ({
  name: sizeName(size),
  work: { least: size, most: size, slots: 1, touch },
  isQuick,
});

const mixed = (slots: number, least: number, most: number, isQuick: boolean): Case => ({
  name: `${slots} held, ${sizeName(least)} to ${sizeName(most)}`,
  work: { least, most, slots, touch: 'a byte in each page' },
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
  note: 'After a peer: its time / that of superslab. SUPERSLAB_* variables count.',
};

export const benches: readonly Bench[] = [buffers];
