import { readFileSync } from 'node:fs';

const file = `/proc/self/task/${process.pid}/schedstat`;

function readSchedstat(): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').split(' ', 1)[0]) / 1e6;
  } catch {
    return undefined;
  }
}

const hasSchedstat = readSchedstat() !== undefined;

/**
 * Milliseconds that the main thread has run, on Linux: what else the machine does meanwhile does not count.
 * Elsewhere the time of day.
 */
export const mainThreadMs = (): number => (hasSchedstat ? readSchedstat()! : performance.now());
