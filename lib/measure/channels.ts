import { type Channel, channel } from 'node:diagnostics_channel';
import type { LearningEvent } from '../addon/figures.js';
import type { GuardReport } from '../base/misuse.js';
import { NotWithinItself } from '../base/not-within-itself.js';
import { type PressureFigures, type PressureLevel, pressureReason } from '../base/pressure.js';
import { onPressureLevel } from '../pool/pressure.js';

/** `superslab:pool:grow`: an acquire took memory from the operating system. */
export interface PoolGrowMessage {
  readonly pool: string;
  readonly bytes: number;
  /** What the pool has then. */
  readonly committedBytes: number;
}

/** `superslab:pool:trim`: idle memory went back to the operating system, asked for or not. */
export interface PoolTrimMessage {
  readonly pool: string;
  readonly bytes: number;
  /** What the pool has then. */
  readonly committedBytes: number;
}

/** `superslab:pool:exhausted`: a request found no room under maxBytes. */
export interface PoolExhaustedMessage {
  readonly pool: string;
  /** Of the buffer that was asked for; 0 for an object. */
  readonly size: number;
  /** 0 for a pool that has a limit in objects. */
  readonly maxBytes: number;
  /** What is done then: `wait` in acquireAsync() too. A wait in vain is followed by another message, `throw`. */
  readonly outcome: 'throw' | 'wait' | 'fallback';
}

/** `superslab:pool:leak`: a buffer was collected that nobody had released; see `leakDetection`. */
export interface PoolLeakMessage {
  /**
   * A buffer (packets are such), a record of a RecordPool, a pinned value of a CompressedPool, an object of an ObjectPool, which has no
   * size, a pinned page of a PageCache, or of a MappedPool a view that nobody released, or a block that nobody committed.
   */
  readonly what: 'buffer' | 'object' | 'page' | 'record' | 'value' | 'view' | 'block';
  readonly pool: string;
  /** Empty without one. */
  readonly tag: string;
  /** Of the buffer. */
  readonly size: number;
  /** From acquire to report. */
  readonly ageMs: number;
  /** Where it was acquired; empty when that is not known. */
  readonly stack: string;
  /** Leaks of this place so far, this one included. */
  readonly count: number;
  /** References that the buffer had left: 1, and one for each `retain()` that no `release()` had undone. */
  readonly references: number;
  /** How often it had been retained. */
  readonly retains: number;
  /**
   * Leases and unused tokens that all threads together had of its memory, the lost one included; 0 when it was
   * neither shared nor adopted.
   */
  readonly sharedReferences: number;
}

/** `superslab:pool:guard`: a guard found misuse; see `guard`. */
export type PoolGuardMessage = GuardReport;

/** `superslab:policy`: a pool has learned something, or tries it; see docs/LEARNING.md. */
export interface PolicyMessage extends LearningEvent {
  readonly pool: string;
}

/** `superslab:pressure`: memory has become scarce or scarcer, or is so no more; see docs/PRESSURE.md. */
export interface PressureMessage extends PressureFigures {
  readonly before: PressureLevel;
  /** Why it rose last, in words. */
  readonly text: string;
}

/** What is published, by the end of the channel's name. */
export interface PoolMessages {
  grow: PoolGrowMessage;
  trim: PoolTrimMessage;
  exhausted: PoolExhaustedMessage;
  leak: PoolLeakMessage;
  guard: PoolGuardMessage;
}

/** A channel of node:diagnostics_channel: subscribers hear of what happens in their own thread. */
export class PoolChannel<Message> {
  // Held here: node drops a channel that nobody refers to, and its subscribers with it.
  readonly #channel: Channel;
  readonly #publishing = new NotWithinItself();

  constructor(end: string) {
    this.#channel = channel(`superslab:${end}`);
  }

  /** Ask first: a message costs something only when somebody listens. */
  get hasSubscribers(): boolean {
    return this.#channel.hasSubscribers;
  }

  /**
   * Subscribers are called before it returns, and may use pools: publish where nothing is half done. What they
   * cause on this very channel is not published, or a subscriber that acquires would never end.
   */
  publish(message: Message): void {
    if (!this.#publishing.enter()) return;
    try {
      this.#channel.publish(message);
    } finally {
      this.#publishing.leave();
    }
  }
}

export const channels: { readonly [End in keyof PoolMessages]: PoolChannel<PoolMessages[End]> } = {
  grow: new PoolChannel('pool:grow'),
  trim: new PoolChannel('pool:trim'),
  exhausted: new PoolChannel('pool:exhausted'),
  leak: new PoolChannel('pool:leak'),
  guard: new PoolChannel('pool:guard'),
};

/** Told by each thread that has the pool open, of what its upkeep finds. */
export const policyChannel = new PoolChannel<PolicyMessage>('policy');

const pressure = new PoolChannel<PressureMessage>('pressure');

onPressureLevel((now, before) => {
  if (pressure.hasSubscribers) pressure.publish({ ...now, before, text: pressureReason(now) });
});
