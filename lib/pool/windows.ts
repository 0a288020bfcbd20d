import { markAsUntransferable } from 'node:worker_threads';
import type { BlockNumber, SliceIndex } from '../addon/binding.js';
import { environment } from '../addon/environment.js';
import { RECUT } from '../addon/generated/codes.js';
import { SLICE_SHIFT } from '../addon/generated/memory.js';
import { builtins } from '../base/builtins.js';
import { hostError } from '../base/errors.js';

const NO_WINDOW = new ArrayBuffer(0);
const NO_PROBE = new Uint8Array(0);

/** By so many the tables grow, at a fraction of the cost of growing one by one. */
const GROWTH = 1024;

/** At least `length` times `value`, made by doubling: without holes, which acquire would have to look for. */
function repeated<T>(value: T, length: number): T[] {
  let values = [value];
  while (values.length < length) values = values.concat(values);
  return values;
}

const NO_WINDOWS = repeated(NO_WINDOW, GROWTH);
const NO_PROBES = repeated(NO_PROBE, GROWTH);

/**
 * The ArrayBuffers through which this environment sees slices, by slice index. Windows are never resized or
 * unmapped, but user code can detach one before Node 24.15 (docs/BUFFERS.md). A probe is a view of the
 * whole window: its length is 0 as soon as the window is detached or when there is none, and reading it costs a
 * third of what reading `window.byteLength` costs.
 */
export const windows: ArrayBuffer[] = [...NO_WINDOWS];
export const probes: Uint8Array[] = [...NO_PROBES];

type Transferable = ArrayBuffer & { transfer?(): ArrayBuffer };
const { transfer } = ArrayBuffer.prototype as Transferable;
const mark = markAsUntransferable;

/** Whether a mark keeps every way of detaching off (Node 24.15 and later), and not only transfer lists. */
const markIsTight = (() => {
  const probe = new ArrayBuffer(1);
  mark(probe);
  try {
    transfer?.call(probe);
    return false;
  } catch {
    return true;
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

/**
 * Keeps user code from detaching a window, as far as this version of Node allows.
 *
 * When an environment ends Node detaches each ArrayBuffer that it made for an addon, and aborts if that has a tight mark
 * (`node::Buffer::CallbackInfo`). So it is another one that is marked, to which the memory was transferred.
 */
function protect(window: ArrayBuffer): ArrayBuffer {
  if (markIsTight) {
    const own = transfer!.call(window);
    mark(own);
    return own;
  }
  mark(window);
  refuseTransfers(window);
  return window;
}

/** What the native side made, kept from being detached. Throws where the host forbids external ArrayBuffers. */
export function usable(window: ArrayBuffer | undefined): ArrayBuffer {
  if (window === undefined) throw hostError();
  return protect(window);
}

/** Sees to it that a slice has a window that is not detached. */
export function ensureWindow(slice: SliceIndex): void {
  // Each by itself: this may be cut off between the two.
  while (windows.length <= slice) windows.push(...NO_WINDOWS);
  while (probes.length <= slice) probes.push(...NO_PROBES);
  if (probes[slice]!.length !== 0) return;
  if (windows[slice] !== NO_WINDOW) forgetDetached(slice);
  const window = usable(environment.window(slice));
  windows[slice] = window;
  probes[slice] = new builtins.Uint8Array(window);
}

function forget(slice: SliceIndex): void {
  probes[slice] = NO_PROBE;
  windows[slice] = NO_WINDOW;
}

type TellDetached = (slice: SliceIndex, leases: number) => void;

const detachListeners: TellDetached[] = [];

/** `tell` learns of each window that user code has detached, and of how many leases have no bytes any more. */
export function onDetachedWindow(tell: TellDetached): void {
  detachListeners.push(tell);
}

function forgetDetached(slice: SliceIndex): void {
  // First, because whoever is told may acquire.
  windows[slice] = NO_WINDOW;
  const leases = environment.leasedInSlice(slice);
  for (const tell of detachListeners) tell(slice, leases);
}

/**
 * What NativePool.refill() returned, without RECUT. Windows that show a former cut of their slices are forgotten; views of
 * them that user code still has go on working.
 */
export function forgetRecut(refilled: number): number {
  if (refilled < RECUT) return refilled;
  for (const slice of environment.recutWindows()) forget(slice);
  return refilled - RECUT;
}

/** The window of a leased block of up to 2 MiB that may have come from another thread. */
export function currentWindow(block: BlockNumber): ArrayBuffer {
  const slice = block >>> SLICE_SHIFT;
  if (environment.isRecut(slice)) forget(slice);
  ensureWindow(slice);
  return windows[slice]!;
}

/** The slice that the blocks of a window start in; -1 for other memory. */
export function sliceOf(memory: ArrayBuffer): SliceIndex {
  return windows.indexOf(memory);
}

/** Reports windows that user code has detached, which a version of Node with tight marks does not let happen. */
export function noteDetachedWindows(): void {
  if (markIsTight) return;
  for (let slice = 0; slice < windows.length; slice++) {
    if (probes[slice]!.length === 0 && windows[slice] !== NO_WINDOW) forgetDetached(slice);
  }
}

/**
 * Forgets windows of superslabs that are in no pool any more, so that the garbage collector takes
 * them and `process.memoryUsage().external` falls. Views of them that user code still has go on
 * working.
 */
export function dropStaleWindows(): void {
  for (const slice of environment.staleWindows()) forget(slice);
}
