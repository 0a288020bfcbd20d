import { FILE_FAULT } from '../../../addon/generated/codes.js';
import { FILE_COUNT } from '../../../addon/generated/memory.js';
import { builtins } from '../../../base/builtins.js';
import { isFullStack } from '../../../base/errors.js';
import { Deferred, promised } from '../../../pool/deferred.js';
import type { MappedCore } from '../core.js';
import type { RotationProgress } from '../options.js';
import { KEY_BYTES, PIECE_BYTES, piecesOfSealed, randomize, SEAL_BYTES } from './cipher.js';
import { alreadyRotating, rotationInBatch } from './errors.js';
import type { KeyRecord } from './key-record.js';
import { withLockedBytes } from './plaintext.js';
import type { Vault } from './vault.js';

/** Sealed bytes of one commit: less than an eighth of the smallest journal, with heads and checksums. */
const STEP_BYTES = 98_304;
/** What a piece takes of a commit besides its bytes, at most. */
const PIECE_HEAD_BYTES = 48;
/** Until it is looked again whether the program has committed. */
const RETRY_MS = 5;

/** What it asks of the file. */
export interface RotatingFile {
  readonly core: MappedCore;
  /** `level` -1: the pool's own. */
  transaction<Result>(work: () => Result, level: number): Result;
}

/** Reseals all blocks of a file with a new key, a step in each turn of the event loop. What was cut off goes on by doing it again. */
export class Rotation extends Deferred<number> {
  readonly #file: RotatingFile;
  readonly #core: MappedCore;
  readonly #vault: Vault;
  readonly #progress: RotationProgress | undefined;
  readonly #ended: (blocks: number) => void;
  /** Where the next step begins: a place in the data, and a piece of the block there. */
  #cursor = 0;
  #piece = 0;
  #handle = 0;
  #looked = 0;
  #resealed = 0;
  /** Begins what had to wait for another one's end. */
  #then: (() => unknown) | undefined;

  /** `ended`: is told how many blocks were resealed. */
  constructor(
    file: RotatingFile,
    vault: Vault,
    progress: RotationProgress | undefined,
    ended: (blocks: number) => void,
  ) {
    super(); // Nothing is called after it.
    this.#file = file;
    this.#core = file.core;
    this.#vault = vault;
    this.#progress = progress;
    this.#ended = ended;
  }

  /** Of the program. */
  get #blocks(): number {
    this.#core.publish();
    return this.#core.counts[FILE_COUNT.blocks]! - 1;
  }

  /**
   * Resolves to the blocks that were resealed.
   * @throws what fails at once
   */
  run(keyId: string, key: Uint8Array): Promise<number> {
    return promised(this, () => {
      const wasRotating = this.#begin(keyId, key);
      // One that another key had begun has to end first, with the keys that it knows.
      this.#then = wasRotating ? () => this.#begin(keyId, key) : undefined;
      builtins.setImmediate(this.#step);
    });
  }

  /** Whether something else has to be done first: then nothing was begun. */
  #begin(keyId: string, key: Uint8Array): boolean {
    const vault = this.#vault;
    const record = this.#file.transaction(() => {
      const record = vault.record();
      if (isWrappedWith(record, key)) return record; // done, or begun before
      if (record.count > 1) return undefined;
      withLockedBytes(KEY_BYTES, (made) => {
        const old = vault.currentKey();
        randomize(made);
        record.wrap(keyId, key, record.number + 1, [made, old]);
      });
      vault.writeRecord(record);
      return record;
    }, -1);
    // Not before: what was undone has no keys.
    if (record !== undefined) vault.take(record, key);
    return record === undefined;
  }

  readonly #step = (): void => {
    if (this.isSettled) return;
    // First of all: what is cut off below goes on in another turn.
    const later = builtins.setTimeout(this.#step, RETRY_MS);
    try {
      if (this.#core.closed) throw this.#core.errorOf(FILE_FAULT.closed);
      if (this.#core.isWriting) return;
      this.#goOn();
    } catch (error) {
      // Another process is writing, or the stack is too deep for the step, which is done again.
      if ((error as { code?: string }).code === 'ERR_SUPERSLAB_TIMEOUT' || isFullStack(error)) return;
      this.fail(error);
    }
    builtins.clearTimeout(later);
    if (!this.isSettled) builtins.setImmediate(this.#step);
  };

  #goOn(): void {
    if (this.#reseal()) {
      this.#progress?.(this.#looked, Math.max(this.#looked, this.#blocks));
      return;
    }
    this.#file.transaction(() => {
      const record = this.#vault.record();
      record.dropOld();
      this.#vault.writeRecord(record);
    }, -1);
    this.#vault.forgetOldKeys();
    const then = this.#then;
    if (then !== undefined) {
      this.#cursor = this.#piece = this.#looked = 0;
      then();
      this.#then = undefined;
      return;
    }
    this.#progress?.(this.#looked, this.#looked);
    this.#ended(this.#resealed);
    this.resolve(this.#resealed);
    this.isSettled = true;
  }

  /** False at the end of the file; throws where it is damaged. */
  #nextInto(place: Float64Array): boolean {
    if (this.#core.file.next(place, false)) return true;
    if (place[2] !== FILE_FAULT.none) throw this.#core.errorOf(place[2]!);
    return false;
  }

  /** One commit's worth. False at the end of the file. */
  #reseal(): boolean {
    const place = new builtins.Float64Array(4);
    place[3] = this.#cursor;
    let piece = this.#piece;
    let last = this.#handle;
    let looked = this.#looked;
    let resealed = this.#resealed;
    let cursor = this.#cursor;
    const hasMore = this.#file.transaction(() => {
      for (let room = STEP_BYTES; room > PIECE_BYTES + SEAL_BYTES + PIECE_HEAD_BYTES; ) {
        if (!this.#nextInto(place)) return false;
        const [handle, offset, sealed] = place as unknown as [number, number, number];
        if (this.#vault.hides(handle)) {
          cursor = place[3]!;
          continue;
        }
        // Another one: that block was freed meanwhile.
        if (handle !== last) piece = 0;
        last = handle;
        const pieces = piecesOfSealed(sealed);
        const taken = this.#vault.reseal({ handle, offset, sealed }, piece);
        if (taken > 0 && piece === 0) resealed++;
        room -= taken + PIECE_HEAD_BYTES;
        piece++;
        if (piece < pieces) {
          place[3] = cursor;
          continue;
        }
        piece = 0;
        looked++;
        cursor = place[3]!;
      }
      return true;
    }, -1);
    this.#cursor = cursor;
    this.#piece = piece;
    this.#handle = last;
    this.#looked = looked;
    this.#resealed = resealed;
    return hasMore;
  }
}

/** Whether the keys in the file are wrapped with that one. */
function isWrappedWith(record: KeyRecord, key: Uint8Array): boolean {
  return withLockedBytes(KEY_BYTES, (out) => record.unwrap(0, key, out));
}

/** The rotations of one file, of which there is one at a time. */
export class Rotations {
  readonly #core: MappedCore;
  readonly #vault: Vault;
  #last: Rotation | undefined;

  constructor(core: MappedCore, vault: Vault) {
    this.#core = core;
    this.#vault = vault;
  }

  begin(
    file: RotatingFile,
    key: Uint8Array,
    keyId: string | undefined,
    progress: RotationProgress | undefined,
  ): Promise<number> {
    const { path, audit } = this.#core;
    if (this.#last?.isSettled === false) throw alreadyRotating(path);
    if (this.#core.isWriting) throw rotationInBatch(path);
    const id = keyId ?? String(this.#vault.record().number + 1);
    audit?.write('rotate', path, { keyId: id });
    const rotation = new Rotation(file, this.#vault, progress, (blocks) =>
      audit?.write('rotated', path, { blocks }),
    );
    if (rotation.resolve === undefined) return rotation.promise;
    // Before it begins: what is cut off has ended, and is no other one's way.
    this.#last = rotation;
    return rotation.run(id, key);
  }
}
