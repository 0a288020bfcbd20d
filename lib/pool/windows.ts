import { markAsUntransferable } from 'node:worker_threads';
import { type BlockNumber, binding } from '../addon/binding.js';
import { facts } from '../addon/environment.js';
import { builtins, sizeOf } from '../base/builtins.js';
import { hostError } from '../errors.js';

/** A window shows 2 MiB of memory, in granules of 64 bytes. */
export const SUPERSLAB_SHIFT = 15;
export const GRANULE_SHIFT = 6;
export const GRANULE_MASK = 32767;
export const SLICE_SHIFT = 10;

const NO_WINDOW = new ArrayBuffer(0);
const NO_PROBE = new Uint8Array(0);

/**
 * The ArrayBuffers through which this environment sees superslabs, by superslab index. Windows are
 * never resized or unmapped, but user code can detach one (NODE_FACTS lists how). A probe is a view of
 * the whole window: its length is 0 as soon as the window is detached or when there is none, and
 * reading it costs a third of what reading `window.byteLength` costs.
 */
export const windows: ArrayBuffer[] = [];
export const probes: Uint8Array[] = [];

/**
 * Whether marking an ArrayBuffer untransferable only sets a mark. From Node 24.15 on it also sets a detach
 * key, and Node itself then aborts at exit: it detaches every external ArrayBuffer, without the key
 * (`node::Buffer::CallbackInfo::Clean`). transfer() of a marked ArrayBuffer tells: it throws with a key.
 */
const markIsHarmless = (() => {
  const probe = new ArrayBuffer(1) as ArrayBuffer & { transfer?(): ArrayBuffer };
  markAsUntransferable(probe);
  try {
    probe.transfer?.();
    return true;
  } catch {
    return false;
  }
})();

function refuseTransfer(): never {
  throw new TypeError('the ArrayBuffer of pooled memory cannot be transferred; use share() and adopt()');
}

const TRANSFERS = ['transfer', 'transferToFixedLength'].filter((name) => name in ArrayBuffer.prototype);

/**
 * Keeps user code from taking memory away by calling `memory.transfer()`: with own properties, which come before
 * `ArrayBuffer.prototype`'s. In a transfer list Node 22 and later refuse external ArrayBuffers anyway, and
 * older versions copy them.
 */
export function refuseTransfers(memory: ArrayBuffer): void {
  for (const name of TRANSFERS) Object.defineProperty(memory, name, { value: refuseTransfer });
}

/** The same for windows, which are never to be detached: by a mark, too, which is all that Node 24 needs. */
function protect(window: ArrayBuffer): void {
  if (markIsHarmless) markAsUntransferable(window);
  refuseTransfers(window);
}

function usable(window: ArrayBuffer | undefined): ArrayBuffer {
  if (window === undefined) throw hostError();
  protect(window);
  return window;
}

/** Sees to it that superslab `index` has a window that is not detached. */
export function ensureWindow(index: number): void {
  while (windows.length <= index) {
    windows.push(NO_WINDOW);
    probes.push(NO_PROBE);
  }
  if (probes[index]!.length !== 0) return;
  const window = usable(binding.window(facts.evaluation, index));
  windows[index] = window;
  probes[index] = new builtins.Uint8Array(window);
}

/** Windows of blocks beyond 2 MiB, by the block's number. */
const largeWindows = new Map<BlockNumber, ArrayBuffer>();

/** A window of exactly the leased block `n`, which is beyond 2 MiB. */
export function largeWindow(n: BlockNumber): ArrayBuffer {
  const known = largeWindows.get(n);
  if (known !== undefined && sizeOf(known) === binding.capacity(n)) return known;
  const window = usable(binding.largeWindow(n));
  largeWindows.set(n, window);
  return window;
}

/** The slice (superslab index x 32 + slice) that a view of a window begins in; -1 for other memory. */
export function sliceOf(memory: ArrayBuffer, byteOffset: number): number {
  const superslab = windows.indexOf(memory);
  if (superslab >= 0)
    return (superslab << (SUPERSLAB_SHIFT - SLICE_SHIFT)) + (byteOffset >>> (SLICE_SHIFT + GRANULE_SHIFT));
  for (const [block, window] of largeWindows) if (window === memory) return block >>> SLICE_SHIFT;
  return -1;
}

/**
 * Forgets windows of superslabs that are in no pool any more, so that the garbage collector takes
 * them and `process.memoryUsage().external` falls. Views of them that user code still has go on
 * working.
 */
export function dropStaleWindows(): void {
  for (const index of binding.staleWindows(facts.evaluation)) {
    windows[index] = NO_WINDOW;
    probes[index] = NO_PROBE;
  }
  for (const [n, window] of largeWindows) {
    if (!binding.isLargeBlock(n, sizeOf(window))) largeWindows.delete(n);
  }
}
