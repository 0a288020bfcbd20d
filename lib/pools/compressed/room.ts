// Room for hot values: what is not used becomes cold, and of a cache what has been cold for longest ends.
import type { NativePool } from '../../addon/binding.js';
import { facts } from '../../addon/environment.js';
import { GRANULE_SHIFT } from '../../addon/generated/memory.js';
import type { Magazines } from '../../pool/magazines.js';
import type { ForeignCooler } from './foreign-cooler.js';
import { slotOf } from './handles.js';
import type { Slots } from './slots.js';

const { tagOfGranules, bytesOfTag } = facts;

/** What the text of an error names of values that are pinned. */
const NAMED_PINS = 4;

/** What is asked of the values that the room is for. */
interface RoomFor {
  readonly slots: Slots;
  readonly foreign: ForeignCooler | undefined;
  /** The value has ended. */
  forget(slot: number): void;
  /** Where it was pinned, as far as that is known. */
  pinnedAt(handle: number): string;
}

export class Room {
  readonly #native: NativePool;
  readonly #magazines: Magazines;
  readonly #values: RoomFor;
  readonly #onEvict: ((handle: number, length: number) => void) | undefined;
  /** Values that ended for want of room. */
  evicted = 0;

  constructor(
    native: NativePool,
    magazines: Magazines,
    values: RoomFor,
    onEvict: ((handle: number, length: number) => void) | undefined,
  ) {
    this.#native = native;
    this.#magazines = magazines;
    this.#values = values;
    this.#onEvict = onEvict;
  }

  /** Sees to it that there is room for a hot value, as far as that can be. Calls the program. */
  make(length: number): void {
    const tag = tagOfGranules[(length + 63) >>> GRANULE_SHIFT]!;
    if (this.#magazines.depth[tag]! > 0) return;
    const bytes = bytesOfTag[tag]!;
    while (!this.#native.waitForRoom(bytes, 0)) {
      if (this.#cool(bytes)) continue;
      // The pool's thread may have compressed everything meanwhile: then nothing is left to do, and there is room.
      if (!this.#native.waitForRoom(bytes, 0) && !this.#evict(bytes)) return;
    }
  }

  /** Whether any value became cold. */
  #cool(bytes: number): boolean {
    // What other classes have cached may be what is missing.
    this.#native.flush();
    if (this.#native.waitForRoom(bytes, 0)) return true;
    return this.#native.coolValues(bytes) > 0 || this.#values.foreign?.coolNow(bytes) === true;
  }

  /** Whether any value ended. */
  #evict(bytes: number): boolean {
    if (this.#onEvict === undefined) return false;
    // Where cold values have room again, the next turn makes hot ones cold.
    if (this.#native.coldExcess() > 0) {
      let any = false;
      while (this.#native.coldExcess() > 0 && this.#end(this.#native.unusedValue(true))) any = true;
      if (any) return true;
    }
    let left = bytes;
    while (left > 0) {
      const handle = this.#native.unusedValue(false);
      if (handle === 0) break;
      left -= this.#values.slots.length(slotOf(handle));
      if (!this.#end(handle)) break;
    }
    return left < bytes;
  }

  #end(handle: number): boolean {
    if (handle === 0) return false;
    const slot = slotOf(handle);
    const length = this.#values.slots.length(slot);
    if (this.#native.freeValue(handle) !== 0) return false;
    this.#values.forget(slot);
    this.evicted++;
    this.#onEvict!(handle, length);
    return true;
  }

  /** Why there is none, and what to do. */
  text(size: number, hotBytes: number, coldBytes: number, never: boolean): string {
    const limits = coldBytes === 0 ? '' : ` (maxBytes of ${hotBytes + coldBytes} with its coldBytes)`;
    const what = `cannot take ${size} B within its hotBytes of ${hotBytes}${limits}`;
    if (never) return `${what}; raise hotBytes`;
    const pinned = this.#native.pinnedValues(NAMED_PINS + 1);
    const figures = this.#native.valueFigures();
    const isAllPinned = pinned.length > 0 && this.#native.unusedValue(false) === 0;
    if (isAllPinned) {
      const holders = pinned.slice(0, NAMED_PINS).map(({ handle, length, pins }) => {
        const where = this.#values.pinnedAt(handle);
        return `handle ${handle} (${length} B, pinned ${pins === 1 ? 'once' : `${pins} times`}${where})`;
      });
      const more = pinned.length > NAMED_PINS ? ' and others' : '';
      return `${what}: all pinned, by ${holders.join(', ')}${more}; release() what is done with, raise hotBytes or use putAsync()`;
    }
    const isColdFull = this.#native.coldExcess() > 0;
    const why = isColdFull
      ? 'compressed values have no room within coldBytes'
      : `what is hot does not compress (${figures?.rejected ?? 0} attempts failed)`;
    return `${what}: ${why}; free() or release() values, raise ${isColdFull ? 'coldBytes' : 'hotBytes'}, use putAsync(), or set onEvict`;
  }
}
