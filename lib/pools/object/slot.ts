import { now } from '../../addon/clock.js';
import type { Lease } from './lease.js';

/** Where a slot is. It is in exactly one of these, and its state says in which. */
export const STATE = {
  /** Its object is being made: it has none yet. */
  making: 0,
  /** On the shelf. */
  idle: 1,
  /** A caller has its object. */
  lent: 2,
  /** The pool has it in hand: on its way, or while it is tested or reset. */
  busy: 3,
  /** It is no part of the pool any more. */
  gone: 4,
} as const;

export type State = (typeof STATE)[keyof typeof STATE];

/** The pool of a slot. */
export interface SlotOwner<T> {
  readonly name: string;
  /** The object comes back, though not by the hot path. */
  putSlow(object: T): void;
  /** The collector has taken an object. */
  collected(slot: Slot<T>): void;
}

/** Where a pool keeps one object, and what it knows of it. It counts against the pool's limit until it is gone. */
export class Slot<T> {
  readonly owner: SlotOwner<T>;
  state: State = STATE.making;
  /** While the pool has it. Nothing of the pool holds an object that is lent, so that the collector can take it. */
  object: T | undefined = undefined;
  /** Leases so far. */
  uses = 0;
  /** Times of now(). It expires when it is too old. */
  expiresAt = Number.POSITIVE_INFINITY;
  idleSince = 0;
  testedAt = 0;
  /** Whether it is being made or tested, and whoever waits may count on it: see Shelf.coming. */
  isComing = false;
  /** Whether it passed its test on the way to whom it is for. */
  isFresh = false;
  /** Whether the program's destroy was called for it. */
  isDestroyed = false;
  /** Counts what the pool waited for while it had the slot in hand. */
  waits = 0;
  /** Of the present lease, if that is watched. */
  lease: Lease | undefined = undefined;

  constructor(owner: SlotOwner<T>) {
    this.owner = owner;
  }
}

/** Whether it was lent as often, or has lived as long, as it may. */
export function isWorn(
  slot: { readonly uses: number; readonly expiresAt: number },
  { maxUses, maxAgeMs }: { readonly maxUses: number; readonly maxAgeMs: number },
): boolean {
  return slot.uses >= maxUses || (Number.isFinite(maxAgeMs) && now() >= slot.expiresAt);
}
