import type { BlockNumber, SliceTag, WindowKey } from '../addon/binding.js';
import { environment, facts } from '../addon/environment.js';
import { sizeOf } from '../base/builtins.js';
import type { MisusedBuffer } from '../base/misuse.js';
import type { CapturedStack } from '../base/stack.js';
import type { MemoryHolder, WatchedLease } from '../pool/watched-lease.js';
import type { Wait } from './in-flight.js';
import type { SampleBatch } from './sample-batch.js';

/** What a slot is doing. Changed by SlotBook.move() alone. */
export const SLOT = {
  /** The block belongs to somebody else. */
  gone: 0,
  /** The guard has the block in hand, for a moment; an operation that is cut off leaves it so. */
  loose: 1,
  /** The same; the native lease table has a reference of it, which is to be released. */
  looseShared: 2,
  /** A buffer of this thread has it. */
  leased: 3,
  /** The same, and the native lease table counts its references: other threads may have it too. */
  shared: 4,
  /** Free, and held back. */
  quarantined: 5,
  /** Free, and ready for the next lease. */
  idle: 6,
  /** Released, but the program still has an ArrayBuffer that shows it: the block waits for its end. */
  stray: 7,
  strayShared: 8,
  /** Released, but an asynchronous operation may be at work on it: the block waits for its end. */
  busy: 9,
  busyShared: 10,
} as const;

export type SlotState = (typeof SLOT)[keyof typeof SLOT];

type Hidden = (...args: never[]) => unknown;

/** What slots and leases ask of the guard that they belong to. */
export interface SlotGuard {
  readonly poolName: string;
  /** See WatchedLease. `hidden` is under way, and the first function that stacks leave out. */
  beforeRelease(lease: LeaseRecord, memory: ArrayBuffer, hidden: Hidden): void;
  endLease(lease: LeaseRecord, memory: ArrayBuffer): void;
  afterRelease(lease: LeaseRecord, hidden: Hidden): void;
  share(lease: LeaseRecord): void;
  unshare(lease: LeaseRecord): void;
  /** The ArrayBuffer of a slot was collected, and with it the buffer: nobody can release it any more. */
  collected(slot: Slot): void;
}

/**
 * A block with an ArrayBuffer of its own, which lease after lease uses.
 *
 * Nobody but the program's views holds the ArrayBuffer while it is leased. So when it is collected, the
 * buffer and each view of it are gone, and the block may come back. A FinalizationRegistry tells, which
 * has the slot: nothing that a slot leads to may hold the ArrayBuffer of a lease.
 */
export class Slot implements MemoryHolder {
  readonly guard: SlotGuard;
  readonly tag: SliceTag;
  block: BlockNumber = 0;
  /** Bytes of the ArrayBuffer. */
  capacity = 0;
  state: SlotState = SLOT.gone;
  /** Only while no lease has it. */
  memory: ArrayBuffer | undefined = undefined;
  /** Of the ArrayBuffer made last, see NativeEnvironment.ownWindow. */
  window: WindowKey = 0;
  /** Whether the registry knows the ArrayBuffer. */
  registered = false;
  /** Whether `memory` is being detached by the guard itself. */
  isRevoked = false;
  /** The present lease, or the last. */
  lease: LeaseRecord | undefined = undefined;

  constructor(guard: SlotGuard, tag: SliceTag) {
    this.guard = guard;
    this.tag = tag;
  }
}

/** Whether the program took the ArrayBuffer of a slot that has no lease. */
export function wasDetached({ memory, isRevoked }: Slot): boolean {
  return memory !== undefined && !isRevoked && sizeOf(memory) === 0;
}

export const isLoose = ({ state }: Slot): boolean => state === SLOT.loose || state === SLOT.looseShared;
export const isBusy = ({ state }: Slot): boolean => state === SLOT.busy || state === SLOT.busyShared;
export const isLeased = ({ state }: Slot): boolean => state === SLOT.leased || state === SLOT.shared;

/** What is known of one lease, after its end too. */
export class LeaseRecord implements WatchedLease {
  readonly slot: Slot;
  readonly block: BlockNumber;
  readonly size: number;
  /** Bytes from the start of the block to the end of its canary; `size` without one. */
  readonly canaryEnd: number;
  readonly acquiredAt: number;
  readonly acquired: CapturedStack | undefined;
  released: CapturedStack | undefined = undefined;
  tag = '';
  /** Leases that this one was drawn from, because the others are not watched. */
  readonly weight: number;
  /** With which others it was sampled. */
  readonly batch: SampleBatch | undefined;
  references = 1;
  retains = 0;
  /** Of now(). */
  endedAt = 0;
  /** Whether its stacks are still needed: it is among the EndedLeases, or a report of it is to be made. */
  waitsForText = false;
  isReported = false;
  /** What is at work on its memory, found at its release, and not over yet. */
  wait: Wait | undefined = undefined;

  constructor(
    slot: Slot,
    size: number,
    canaryEnd: number,
    acquiredAt: number,
    acquired: CapturedStack | undefined,
    weight: number,
    batch?: SampleBatch,
  ) {
    this.slot = slot;
    this.block = slot.block;
    this.size = size;
    this.canaryEnd = canaryEnd;
    this.acquiredAt = acquiredAt;
    this.acquired = acquired;
    this.weight = weight;
    this.batch = batch;
  }

  share(): void {
    this.slot.guard.share(this);
  }

  unshare(): void {
    this.slot.guard.unshare(this);
  }

  beforeRelease(memory: ArrayBuffer): void {
    this.slot.guard.beforeRelease(this, memory, this.beforeRelease);
  }

  end(memory: ArrayBuffer): void {
    this.slot.guard.endLease(this, memory);
  }

  afterRelease(): void {
    this.slot.guard.afterRelease(this, this.afterRelease);
  }

  misuse(): MisusedBuffer {
    return {
      pool: this.slot.guard.poolName,
      tag: this.tag,
      size: this.size,
      acquired: this.acquired?.text ?? '',
      released: this.released?.text ?? '',
    };
  }

  /** Whether its stacks keep functions alive. */
  get isRaw(): boolean {
    return this.acquired?.isRaw === true || this.released?.isRaw === true;
  }

  dropStacks(): void {
    if (this.isReported) return;
    this.acquired?.drop();
    this.released?.drop();
  }
}

/** The last key, see NativeEnvironment.ownWindow. */
let windows: WindowKey = facts.evaluation * 2 ** 32;

/** What has an ArrayBuffer of its own over the first bytes of a block. */
type OwnMemory = Pick<Slot, 'block' | 'capacity' | 'window'>;

/** An ArrayBuffer over all of the slot's block; undefined where the host forbids that. */
export function makeMemory(slot: OwnMemory): ArrayBuffer | undefined {
  slot.window = ++windows;
  return environment.ownWindow(slot.block, slot.capacity, slot.window);
}
