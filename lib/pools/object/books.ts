// Whether what a pool of objects knows agrees with itself.
import { makeError } from '../../base/errors.js';
import type { ObjectCore } from './core.js';
import { STATE } from './slot.js';

/** What contradicts itself, in words; undefined when all is right. Only to be called where nothing is half done. */
function contradiction<T>({ slots, shelf, settings, waiters }: ObjectCore<T>): string | undefined {
  const counts = [0, 0, 0, 0, 0];
  for (const slot of slots) {
    counts[slot.state]!++;
    const has = slot.object !== undefined;
    if (has !== (slot.state === STATE.idle || slot.state === STATE.busy)) {
      return `a slot in state ${slot.state} has ${has ? 'an' : 'no'} object`;
    }
  }
  const idle = new Set(shelf.slots.slice(0, shelf.depth));
  if (idle.size !== shelf.depth) return 'an object is idle twice';
  for (const slot of idle) {
    if (slot.state !== STATE.idle || !slots.has(slot)) return 'an object is idle that should not be';
  }
  if (counts[STATE.idle] !== idle.size) return `${counts[STATE.idle]} are idle, ${idle.size} on the shelf`;
  if (counts[STATE.gone] !== 0) return 'a slot that is gone is still there';
  const pending = counts[STATE.making]! + counts[STATE.busy]!;
  if (pending !== shelf.pending) return `${pending} are in hand, ${shelf.pending} are counted`;
  if (slots.size > settings.max) return `there are ${slots.size}, more than max`;
  const waiting = waiters.all().length;
  if (waiting !== waiters.length) return `${waiting} wait, ${waiters.length} are counted`;
  return undefined;
}

/** @throws ERR_SUPERSLAB_CORRUPT */
export function checkObjectBooks<T>(core: ObjectCore<T>): void {
  const wrong = contradiction(core);
  if (wrong === undefined) return;
  throw makeError(
    'ERR_SUPERSLAB_CORRUPT',
    `the books of pool "${core.name}" contradict each other (${wrong}): superslab has a bug; ` +
      'end this process, which may lend one object twice',
  );
}
