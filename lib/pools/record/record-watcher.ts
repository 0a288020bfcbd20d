// Leak detection and guards of a pool of records. A watched lease has an entry of its own, so that the use of one that was put
// is found, and one that is collected without a put.
import type { NativePool } from '../../addon/binding.js';
import { now } from '../../addon/clock.js';
import { GUARD, LEAK_DETECTION } from '../../addon/generated/choices.js';
import type { GuardReport, MisusedBuffer } from '../../base/misuse.js';
import { CapturedStack, ownRealm } from '../../base/stack.js';
import { type Finding, Findings, reportOf } from '../../guard/findings.js';
import { LeaseSampler } from '../../guard/lease-sampler.js';
import type { Listeners } from '../../guard/publishing.js';
import type { SampleBatch } from '../../guard/sample-batch.js';
import { sampleBudget } from '../../guard/sample-budget.js';
import { modesOf, POISON_BYTE } from '../../guard/settings.js';
import { type StackHolder, settleLater } from '../../guard/stack-settler.js';
import type { EntryClass } from './compile.js';
import { type EntryChunk, type EntryShelf, type Holder, NO_WORDS } from './holders.js';
import type { OwnedEntry } from './owned-entry.js';

/** Most leases that have ended and whose stacks wait to be made text. */
const MOST_ENDED = 1024;
/** Most bytes of what is wrong that a report shows. */
const MAX_SHOWN_BYTES = 16;

type Hidden = (...args: never[]) => unknown;

type OwnedChunk = EntryChunk<OwnedEntry>;

/** A lease that is watched. Nothing that it leads to may hold its entry. */
export class RecordLease implements Holder<OwnedEntry> {
  readonly quickShelf = undefined;
  readonly chunk: OwnedChunk;
  readonly slot: { readonly place: number; readonly tag: number };
  /** NO_WORDS before it begins and when it has ended. */
  words: Uint32Array = NO_WORDS;
  readonly since = now();
  readonly acquired: CapturedStack | undefined;
  released: CapturedStack | undefined = undefined;
  readonly weight: number;
  readonly batch: SampleBatch | undefined;
  isReported = false;
  /** Weak: see the class. */
  entry: WeakRef<OwnedEntry> | undefined = undefined;

  constructor(
    chunk: OwnedChunk,
    place: number,
    acquired: CapturedStack | undefined,
    weight: number,
    batch: SampleBatch | undefined,
  ) {
    this.chunk = chunk;
    this.slot = { place, tag: chunk.shelf.tag };
    this.acquired = acquired;
    this.weight = weight;
    this.batch = batch;
  }

  get isLent(): boolean {
    return this.words.length !== 0;
  }

  misuse(): MisusedBuffer {
    const { name, plan } = this.chunk.shelf;
    const [acquired, released] = [this.acquired?.text ?? '', this.released?.text ?? ''];
    return { pool: name, tag: '', size: plan.recordBytes, acquired, released };
  }

  settle(): void {
    this.acquired?.settle();
    this.released?.settle();
  }

  drop(): void {
    this.acquired?.drop();
    this.released?.drop();
  }
}

const registry = new FinalizationRegistry<{ watcher: RecordWatcher; lease: RecordLease }>(
  ({ watcher, lease }) => watcher.collected(lease),
);

/** An entry of its own for a lease, and the lease. */
export interface Watched {
  readonly entry: OwnedEntry;
  readonly lease: RecordLease;
}

export class RecordWatcher implements StackHolder {
  readonly watchesAll: boolean;
  readonly #shelf: EntryShelf<OwnedEntry>;
  readonly #native: NativePool;
  readonly #Entry: EntryClass<OwnedEntry>;
  readonly #findsLeaks: boolean;
  readonly #frames: number;
  /** What a record is filled with when it is put; -1 for nothing. */
  readonly #filling: number;
  readonly #clears: boolean;
  readonly #sampler: LeaseSampler;
  readonly #findings = new Findings();
  /** Those that are lent, by place; and, with a guard, the last one of each that is free. */
  readonly #leases = new Map<number, RecordLease>();
  /** Ended, with stacks that keep functions alive. */
  #ended: RecordLease[] = [];

  /** `Entry` looks before each access whether the record is still lent. */
  constructor(
    shelf: EntryShelf<OwnedEntry>,
    native: NativePool,
    Entry: EntryClass<OwnedEntry>,
    zeroAtRelease: boolean,
  ) {
    const { poisons } = modesOf(native.guard);
    this.#shelf = shelf;
    this.#native = native;
    this.#Entry = Entry;
    this.watchesAll = native.guard !== GUARD.off || native.leakDetection > LEAK_DETECTION.sampled;
    this.#findsLeaks = native.leakDetection !== LEAK_DETECTION.off;
    this.#frames = native.leakFrames;
    this.#clears = zeroAtRelease;
    this.#filling = poisons ? (zeroAtRelease ? 0 : POISON_BYTE) : -1;
    this.#sampler = new LeaseSampler(shelf.magazines, native.leakSample);
    if (!this.watchesAll) this.#sampler.setNext(shelf.tag);
    if (this.#frames > 0) ownRealm(); // made now: it takes milliseconds
    native.watch(this.#findsLeaks ? shelf.name : '');
  }

  set listeners(listeners: WeakRef<Listeners> | undefined) {
    this.#findings.listeners = listeners;
  }

  // Lending --------------------------------------------------------------------------------------

  /** How the free record is to be lent: undefined for as ever, 'again' when the program was told something. */
  watch(chunk: OwnedChunk, slot: number): Watched | 'again' | undefined {
    if (!this.watchesAll && !this.#sampler.isDue(this.#shelf.tag)) return undefined;
    const place = this.#placeOf(chunk, slot);
    if (this.#verify(chunk, slot) !== undefined) {
      this.#findings.deliver();
      return 'again';
    }
    const start = now();
    const stack = this.#stack(this.watch);
    const lease = this.watchesAll
      ? new RecordLease(chunk, place, stack, 1, undefined)
      : this.#sample(chunk, place, stack);
    const { memory } = chunk;
    const entry = new this.#Entry(
      lease,
      slot,
      undefined,
      memory,
      (slot - 1) * this.#shelf.plan.rowBytes,
      slot - 1,
    );
    lease.entry = new WeakRef(entry);
    this.#leases.set(place, lease);
    if (this.#findsLeaks) registry.register(entry, { watcher: this, lease }, lease);
    if (!this.watchesAll) sampleBudget.spend(start, now());
    return { entry, lease };
  }

  #sample(chunk: OwnedChunk, place: number, stack: CapturedStack | undefined): RecordLease {
    const { tag } = this.#shelf;
    const batch = this.#sampler.batchOf(tag);
    const weight = this.#sampler.weightOfNext(batch, tag);
    this.#sampler.setNext(tag);
    return new RecordLease(chunk, place, stack, weight, batch);
  }

  #placeOf(chunk: OwnedChunk, slot: number): number {
    return chunk.index * this.#shelf.plan.records + slot - 1;
  }

  /** The entry of a lease of that place that is watched; undefined when it is not, or nobody has it any more. */
  entryAt(place: number): { entry: OwnedEntry | undefined } | undefined {
    const lease = this.#leases.get(place);
    return lease?.isLent ? { entry: lease.entry!.deref() } : undefined;
  }

  // Taking back ----------------------------------------------------------------------------------

  beforePut(holder: Holder<OwnedEntry>, slot: number): void {
    if (this.#filling > 0) this.#shelf.fill(holder.chunk, slot, this.#filling);
    if (holder instanceof RecordLease && this.watchesAll) holder.released = this.#stack(this.beforePut);
  }

  afterPut(holder: Holder<OwnedEntry>): void {
    if (!(holder instanceof RecordLease)) return;
    registry.unregister(holder);
    this.#forget(holder);
  }

  #forget(lease: RecordLease): void {
    const isLast = this.#leases.get(lease.slot.place) === lease;
    if (isLast && this.#filling < 0) this.#leases.delete(lease.slot.place);
    if (!this.watchesAll) {
      lease.drop();
      return;
    }
    this.#ended.push(lease);
    if (this.#ended.length > 2 * MOST_ENDED) {
      for (const one of this.#ended.splice(0, MOST_ENDED)) one.drop();
    }
  }

  // Stacks ---------------------------------------------------------------------------------------

  #stack(hidden: Hidden): CapturedStack | undefined {
    if (this.#frames === 0) return undefined;
    settleLater(this);
    return new CapturedStack(this.#frames, hidden);
  }

  settleStacks(before: number, end: number): boolean {
    while (this.#ended.length > 0) {
      this.#ended.pop()!.settle();
      if (now() > end) return false;
    }
    let none = true;
    for (const lease of this.#leases.values()) {
      if (lease.acquired?.isRaw !== true) continue;
      if (lease.since > before) none = false;
      else lease.settle();
      if (now() > end) return false;
    }
    return none;
  }

  // Finding leaks and misuse ---------------------------------------------------------------------

  /** The collector has taken the entry of a lease, and every view of its record. */
  collected(lease: RecordLease): void {
    if (!lease.isLent) return;
    const shelf = this.#shelf;
    const slot = lease.slot.place - lease.chunk.index * shelf.plan.records + 1;
    if (this.#clears) shelf.fill(lease.chunk, slot, 0);
    else if (this.#filling > 0) shelf.fill(lease.chunk, slot, this.#filling);
    const { pool, tag, size, acquired: stack } = lease.misuse();
    const ageMs = now() - lease.since;
    const estimated = this.#sampler.weightOf(lease);
    const count = this.#native.noteLeak({ tag, stack, bytes: size, size, ageMs, estimated });
    shelf.putHome(lease, slot);
    this.#forget(lease);
    this.#findings.addLeak({
      what: 'record',
      pool,
      tag,
      size,
      ageMs,
      stack,
      count,
      references: 1,
      retains: 0,
      sharedReferences: 0,
    });
    shelf.afterPut();
    this.#findings.deliver();
  }

  /** See PoolWatcher. */
  noteLeaksAtEnd(): void {
    if (!this.#findsLeaks) return;
    for (const lease of this.#leases.values()) {
      if (!lease.isLent) continue;
      const { tag, size, acquired: stack } = lease.misuse();
      const ageMs = now() - lease.since;
      this.#native.noteAtEnd({ block: lease.chunk.block, tag, stack, bytes: size, size, ageMs });
    }
  }

  /** Whether somebody wrote to a free record. */
  #verify(chunk: OwnedChunk, slot: number): Finding | undefined {
    const place = this.#placeOf(chunk, slot);
    const last = this.#leases.get(place);
    if (this.#filling < 0 || last === undefined || last.isLent) return undefined;
    if (last.chunk !== chunk || chunk.words.length === 0) {
      this.#leases.delete(place); // its chunk is no more
      return undefined;
    }
    const wrong = this.#firstOther(chunk, slot);
    if (wrong === undefined) return undefined;
    this.#native.countGuardReport(true);
    const bytes = this.#clears ? '' : wrong.bytes;
    const finding = {
      kind: 'written-after-release',
      lease: last,
      offset: wrong.offset,
      bytes,
      isThrown: false,
    } as const;
    this.#shelf.fill(chunk, slot, this.#filling);
    return this.#findings.add(finding);
  }

  /** The first byte of a row that nobody should have written; accessors of columns and numbers cannot write to a free record. */
  #firstOther({ memory }: OwnedChunk, slot: number): { offset: number; bytes: string } | undefined {
    const { rowBytes } = this.#shelf.plan;
    const all = memory.views.u8 as Uint8Array;
    const start = (slot - 1) * rowBytes;
    for (let offset = 0; offset < rowBytes; offset++) {
      if (all[start + offset] === this.#filling) continue;
      const shown: string[] = [];
      for (let i = offset; i < Math.min(offset + MAX_SHOWN_BYTES, rowBytes); i++) {
        shown.push(all[start + i]!.toString(16).padStart(2, '0'));
      }
      return { offset, bytes: shown.join(' ') };
    }
    return undefined;
  }

  /** Looks at every free record. What it finds is reported once. */
  check(): GuardReport[] {
    const reports: GuardReport[] = [];
    for (const { chunk, slot, isLent } of [...this.#leases.values()]) {
      if (isLent) continue;
      const finding = this.#verify(chunk, slot.place - chunk.index * this.#shelf.plan.records + 1);
      if (finding !== undefined) reports.push(reportOf(finding));
    }
    this.#findings.deliver();
    return reports;
  }
}

/** undefined when neither leak detection nor a guard is on. */
export const isWatched = ({ leakDetection, guard }: NativePool): boolean =>
  leakDetection !== LEAK_DETECTION.off || guard !== GUARD.off;
