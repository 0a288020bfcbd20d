// Demand of known shapes, as traces: how many blocks of each size a program takes and gives back at a time.
import { TraceWriter } from './trace-writer.js';

const KIB = 1024;
const EVENTS = 400_000;
/** A replay ends a window after as many events (native/replay/replay.cc makes 200 of them). */
const WINDOW_EVENTS = EVENTS / 200;

/** Blocks of a size that are taken, and then given back. */
interface Swing {
  readonly bytes: number;
  readonly blocks: number;
}

/** Two phases that want the same bytes for other sizes: a budget of 1 MiB serves either, and not both. */
const PHASES: readonly (readonly Swing[])[] = [
  [
    { bytes: 16 * KIB, blocks: 40 },
    { bytes: 4 * KIB, blocks: 4 },
    { bytes: 8 * KIB, blocks: 4 },
    { bytes: 32 * KIB, blocks: 2 },
    { bytes: 512, blocks: 20 },
  ],
  [
    { bytes: 16 * KIB, blocks: 3 },
    { bytes: 4 * KIB, blocks: 50 },
    { bytes: 8 * KIB, blocks: 44 },
    { bytes: 32 * KIB, blocks: 8 },
    { bytes: 512, blocks: 10 },
  ],
];

/** All that both phases want, at once: more than the budget, so that the best division has calls, too. */
const SCARCE: readonly Swing[] = [
  { bytes: 16 * KIB, blocks: 40 },
  { bytes: 4 * KIB, blocks: 50 },
  { bytes: 8 * KIB, blocks: 44 },
  { bytes: 32 * KIB, blocks: 8 },
  { bytes: 512, blocks: 20 },
];

interface Shape {
  readonly phases: readonly (readonly Swing[])[];
  /** Windows after which the next phase begins. */
  readonly windows: number;
}

export const SHAPES: Readonly<Record<string, Shape>> = {
  stationary: { phases: [SCARCE], windows: Number.POSITIVE_INFINITY },
  'stationary, fits the budget': { phases: [PHASES[0]!], windows: Number.POSITIVE_INFINITY },
  'shift each 40 windows': { phases: PHASES, windows: 40 },
  'flip each 4 windows': { phases: PHASES, windows: 4 },
};

/** A generator of numbers that is the same everywhere: xorshift32. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Writes a trace of the shape to `file`. */
export function makeDemand(shape: string, file: string): void {
  const { phases, windows } = SHAPES[shape]!;
  const random = numbers(0x9e3779b9);
  const writer = new TraceWriter();
  let events = 0;
  while (events < EVENTS) {
    const swings = phases[Math.floor(events / WINDOW_EVENTS / windows) % phases.length]!;
    const { bytes, blocks } = swings[random(swings.length)]!;
    // Some more or some less, and mostly about as many.
    const count = Math.max(1, Math.round((blocks * (75 + random(50))) / 100));
    for (let i = 1; i <= count; i++) {
      writer.allocate(bytes * 64 + i, bytes);
      writer.pass(500);
    }
    for (let i = 1; i <= count; i++) {
      writer.free(bytes * 64 + i);
      writer.pass(500);
    }
    events += 2 * count;
  }
  writer.save(file);
}
