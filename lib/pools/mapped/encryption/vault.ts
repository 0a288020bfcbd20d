import { FILE_FAULT } from '../../../addon/generated/codes.js';
import { builtins, copyInAt, copyInto, fill, lengthOf } from '../../../base/builtins.js';
import type { PooledBuffer } from '../../../pool/pooled-buffer.js';
import { begin, finish, giveUp, HeldBuffers } from '../../../pool/unfinished.js';
import type { MappedCore } from '../core.js';
import { MappedWindows } from '../windows.js';
import {
  contextOf,
  KEY_BYTES,
  numberOf,
  PIECE_BYTES,
  plainBytes,
  randomize,
  SEAL_BYTES,
  seal,
  sealedBytes,
  unseal,
} from './cipher.js';
import { changedBlock, damagedKeys, keyWornOut, noKeysYet, wrongKey } from './errors.js';
import { KEYS_ROOT, KeyRecord, RECORD_BYTES } from './key-record.js';
import type { KeySource } from './key-source.js';
import { lockedBytes, Plaintext, withLockedBytes } from './plaintext.js';

/** Pieces that one key may seal: beyond that two of its random nonces might be the same. NIST SP 800-38D, 8.3. */
const MAX_SEALS = 2 ** 32;
/** Pieces that are counted in the file at a time, before they are sealed. */
const RESERVED_SEALS = 65_536;
/** How often bytes are opened that another process may just be writing, before that process is waited for. */
const RACY_READS = 3;

/** A sealed block, as it lies in the file. */
interface Place {
  readonly handle: number;
  /** In the data. */
  readonly offset: number;
  /** Of all of it. */
  readonly sealed: number;
}

const pieceAt = (place: Place, piece: number): number => place.offset + piece * (PIECE_BYTES + SEAL_BYTES);

/**
 * Seals the blocks of one file, and opens them. Plain bytes are in locked memory only. Blocks of the batch are sealed by its commit;
 * until then their bytes are here.
 */
export class Vault {
  readonly #core: MappedCore;
  readonly #source: KeySource;
  readonly #windows: MappedWindows;
  readonly #found = new builtins.Float64Array(4);
  /** By number: keys of blocks. */
  readonly #keys = new Map<number, PooledBuffer>();
  readonly #fileId = builtins.allocUnsafeSlow(16);
  /** All that somebody has. */
  readonly #live = new Set<Plaintext>();
  /** Of blocks that no commit has sealed yet, by handle. */
  readonly #fresh = new Map<number, Plaintext>();
  #recordHandle = 0;
  #recordOffset = 0;
  /** Pieces that may be sealed before more are counted in the file, and by which key. */
  #seals = 0;
  #sealsOf = 0;

  constructor(core: MappedCore, source: KeySource) {
    this.#core = core;
    this.#source = source;
    this.#windows = new MappedWindows(core.file);
  }

  /** Looks whether the key is the file's, or gives keys to a new file. `keyId`: of the key of a new one. */
  open(keyId: string): void {
    if (!this.#findRecord()) {
      if (this.#core.isReadOnly) throw noKeysYet(this.#core.path);
      this.#create(keyId);
    }
    this.#stable(() => this.#load());
    this.#source.forgetBuffer();
  }

  #check(fault: number): void {
    if (fault !== FILE_FAULT.none) throw this.#core.errorOf(fault);
  }

  #findRecord(): boolean {
    const { file: native } = this.#core;
    const handle = native.root(KEYS_ROOT);
    if (handle < 0) throw this.#core.errorOf(-handle);
    if (handle === 0) return false;
    this.#check(native.find(handle, this.#found, false));
    if (this.#found[2] !== RECORD_BYTES) throw damagedKeys(this.#core.path);
    this.#recordOffset = this.#found[1]!;
    this.#recordHandle = handle;
    return true;
  }

  /** A new file. All of its keys are there with one commit, or it is as empty as before. */
  #create(keyId: string): void {
    const { file: native, path } = this.#core;
    const key = this.#source.get(keyId);
    this.#check(native.beginBatch());
    try {
      if (this.#findRecord()) return;
      const place = new builtins.Float64Array(4);
      // Blocks without keys: somebody has removed them.
      if (native.next(place, false)) throw damagedKeys(path);
      this.#check(native.alloc(RECORD_BYTES, place, false, false));
      const record = KeyRecord.empty();
      withLockedBytes(KEY_BYTES, (made) => {
        randomize(made);
        record.wrap(keyId, key, 1, [made]);
      });
      copyInto(this.#bytesAt(place[1]!, RECORD_BYTES), record.bytes);
      this.#check(native.setRoot(KEYS_ROOT, place[0]!));
      this.#check(native.commit(2));
    } catch (error) {
      native.rollBack(new builtins.Float64Array(4));
      throw error;
    } finally {
      native.endBatch();
    }
    if (!this.#findRecord()) throw damagedKeys(path);
  }

  /** Of a whole block, so that the window is that of the block. */
  #bytesAt(offset: number, length: number): Buffer {
    const window = this.#windows.of(offset, length);
    return builtins.bufferOf(window, offset - MappedWindows.startOf(offset, length), length);
  }

  /** The keys in the file, as this batch would leave them. */
  record(): KeyRecord {
    const bytes = builtins.allocUnsafeSlow(RECORD_BYTES);
    if (!this.#core.file.writtenAt(this.#recordOffset, bytes))
      copyInto(bytes, this.#bytesAt(this.#recordOffset, RECORD_BYTES));
    return new KeyRecord(bytes);
  }

  /** With the next commit. */
  writeRecord(record: KeyRecord): void {
    this.#check(this.#core.file.write(this.#recordHandle, 0, record.bytes));
  }

  /** Takes the keys that are in the file. */
  #load(): void {
    const record = this.record();
    if (!record.isValid) throw damagedKeys(this.#core.path);
    const key = this.#source.get(record.keyId);
    this.#core.audit?.write('key', this.#core.path, { keyId: record.keyId });
    this.take(record, key);
  }

  /** Takes the keys of a record, which that key opens. */
  take(record: KeyRecord, key: Uint8Array): void {
    for (let place = 0; place < record.count; place++) {
      const number = record.numberAt(place);
      const old = this.#keys.get(number);
      const held = begin(new HeldBuffers());
      try {
        const made = lockedBytes(KEY_BYTES);
        held.buf = made;
        if (!record.unwrap(place, key, made)) throw wrongKey(this.#core.path, record.keyId);
        copyInto(this.#fileId, record.fileId);
        this.#keys.set(number, made);
        held.buf = old;
        held.undo();
      } catch (error) {
        giveUp(held);
        throw error;
      }
      finish(held);
    }
  }

  /** The key of blocks of now. */
  currentKey(): PooledBuffer {
    return this.#keys.get(this.#knownNumber())!;
  }

  /** The number of the key with which this batch seals; its key is there. */
  #knownNumber(): number {
    const { number } = this.record();
    if (!this.#keys.has(number)) this.#load();
    return number;
  }

  /** No block is sealed any more with others than the key of now. */
  forgetOldKeys(): void {
    const { number } = this.record();
    for (const known of this.#keys.keys()) if (known !== number) this.#forgetKey(known);
  }

  #forgetKey(number: number): void {
    const key = this.#keys.get(number);
    if (key === undefined || !this.#keys.delete(number)) return;
    key.release();
  }

  /** Whether it names the keys, and no block of the program. */
  hides(handle: number): boolean {
    return handle === this.#recordHandle;
  }

  /** What `look` returns, on bytes that nobody writes meanwhile if it fails on those that somebody may. */
  #stable<Result>(look: () => Result): Result {
    const { file: native, isShared, isWriting } = this.#core;
    if (!isShared || isWriting) return look();
    for (let i = 0; i < RACY_READS; i++) {
      try {
        return look();
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_SUPERSLAB_STALE') throw error;
      }
    }
    this.#check(native.beginBatch());
    // Should it be cut off.
    builtins.queueMicrotask(() => native.endBatch());
    try {
      return look();
    } finally {
      native.endBatch();
    }
  }

  /** Opens one piece into `out`, which is as long; `sealed` are its bytes. */
  #unsealPiece(place: Place, piece: number, sealed: Buffer, out: Uint8Array): void {
    const number = numberOf(sealed);
    if (!this.#keys.has(number) && this.record().number === number) this.#load();
    const key = this.#keys.get(number);
    const context = contextOf(this.#fileId, place.handle, piece, plainBytes(place.sealed));
    if (key !== undefined && unseal(key, context, sealed, out)) return;
    // Its pages may not be there.
    this.#check(this.#core.file.find(place.handle, new builtins.Float64Array(4), false));
    throw changedBlock(this.#core.path, place.handle);
  }

  #unsealAll(place: Place, out: Buffer): void {
    const bytes = plainBytes(place.sealed);
    if (bytes < 0 || sealedBytes(bytes) !== place.sealed) throw changedBlock(this.#core.path, place.handle);
    const sealed = this.#bytesAt(place.offset, place.sealed);
    for (let piece = 0, at = 0; piece === 0 || at < bytes; piece++, at += PIECE_BYTES) {
      const end = Math.min(bytes, at + PIECE_BYTES);
      const from = pieceAt(place, piece) - place.offset;
      const part = sealed.subarray(from, from + (end - at) + SEAL_BYTES);
      this.#unsealPiece(place, piece, part, out.subarray(at, end));
    }
  }

  /** A number of a key that may seal one piece more. Only in a batch. */
  #sealingKey(): number {
    const number = this.#knownNumber();
    if (this.#seals <= 0 || this.#sealsOf !== number) {
      const record = this.record();
      if (record.seals + RESERVED_SEALS > MAX_SEALS) throw keyWornOut(this.#core.path, record.keyId);
      record.seals += RESERVED_SEALS;
      this.writeRecord(record);
      this.#sealsOf = number;
      this.#seals = RESERVED_SEALS;
    }
    this.#seals--;
    return number;
  }

  #sealPiece(place: Place, piece: number, plain: Uint8Array, out: Buffer): void {
    const number = this.#sealingKey();
    const context = contextOf(this.#fileId, place.handle, piece, plainBytes(place.sealed));
    seal(this.#keys.get(number)!, number, context, plain, out);
  }

  #sealAll(place: Place, plain: Buffer): void {
    const bytes = lengthOf(plain);
    const sealed = this.#bytesAt(place.offset, place.sealed);
    for (let piece = 0, at = 0; piece === 0 || at < bytes; piece++, at += PIECE_BYTES) {
      const end = Math.min(bytes, at + PIECE_BYTES);
      const from = pieceAt(place, piece) - place.offset;
      this.#sealPiece(
        place,
        piece,
        plain.subarray(at, end),
        sealed.subarray(from, from + (end - at) + SEAL_BYTES),
      );
    }
  }

  /**
   * The plain bytes of a block, for one who has to release them. `isNew`: it was allocated just now, and nothing is in it.
   * What the caller has to do before he has them is covered by `held`.
   */
  plaintext(place: Place, isNew: boolean, held: HeldBuffers<Plaintext>): Plaintext {
    const known = this.#fresh.get(place.handle);
    if (known !== undefined) {
      known.references++;
      held.buf = known;
      return known;
    }
    const made = this.#made(Math.max(0, plainBytes(place.sealed)));
    held.buf = made;
    if (isNew) {
      this.#fresh.set(place.handle, made);
      made.references++;
    } else {
      this.#stable(() => this.#unsealAll(place, made.bytes));
    }
    return made;
  }

  /** Plain bytes without anything in them. */
  #made(length: number): Plaintext {
    const held = begin(new HeldBuffers());
    try {
      const lease = lockedBytes(Math.max(1, length));
      held.buf = lease;
      fill(lease, 0);
      const made = new Plaintext(lease, length, this.#live);
      finish(held);
      return made;
    } catch (error) {
      giveUp(held);
      throw error;
    }
  }

  #drop(handle: number, plaintext: Plaintext): void {
    if (this.#fresh.delete(handle)) plaintext.release();
  }

  /** Forgets blocks that were committed, freed or undone. */
  prune(): void {
    if (this.#fresh.size === 0) return;
    const { file: native } = this.#core;
    native.savepoint(this.#found);
    const isEmpty = this.#found[1] === 0;
    for (const [handle, plaintext] of this.#fresh) {
      if (isEmpty || native.find(handle, this.#found, false) !== FILE_FAULT.none)
        this.#drop(handle, plaintext);
    }
  }

  /** Before a commit: seals the blocks of the batch. It may be done again. */
  seal(): void {
    this.prune();
    for (const [handle, plaintext] of this.#fresh) this.#sealFresh(handle, plaintext);
  }

  #sealFresh(handle: number, plaintext: Plaintext): void {
    this.#check(this.#core.file.find(handle, this.#found, false));
    const offset = this.#found[1]!;
    const sealed = this.#found[2]!;
    this.#sealAll({ handle, offset, sealed }, plaintext.bytes);
  }

  /** What the batch makes of the bytes of a block. All within a batch, and nothing if it throws. */
  write(place: Place, offset: number, bytes: Uint8Array): void {
    const fresh = this.#fresh.get(place.handle);
    if (fresh !== undefined) {
      // From here on its bytes are in the file, and are changed as those of all other blocks.
      this.#sealAll(place, fresh.bytes);
      this.#drop(place.handle, fresh);
    }
    const end = offset + lengthOf(bytes);
    const first = Math.floor(offset / PIECE_BYTES);
    const last = Math.floor((end - 1) / PIECE_BYTES);
    const length = plainBytes(place.sealed);
    const from = pieceAt(place, first);
    const to = Math.min(pieceAt(place, last + 1), place.offset + place.sealed);
    const sealed = builtins.allocUnsafeSlow(to - from);
    withLockedBytes(PIECE_BYTES, (plain) => {
      for (let piece = first; piece <= last; piece++) {
        const start = piece * PIECE_BYTES;
        const pieceBytes = Math.min(length - start, PIECE_BYTES);
        const part = plain.subarray(0, pieceBytes);
        const begins = Math.max(offset - start, 0);
        const ends = Math.min(end - start, pieceBytes);
        if (begins > 0 || ends < pieceBytes) this.#unsealNewest(place, piece, part);
        copyInAt(part, bytes.subarray(start + begins - offset, start + ends - offset), begins);
        const at = pieceAt(place, piece) - from;
        this.#sealPiece(place, piece, part, sealed.subarray(at, at + pieceBytes + SEAL_BYTES));
      }
    });
    this.#check(this.#core.file.write(place.handle, from - place.offset, sealed));
  }

  /** Opens a piece as this batch would leave it. Nobody else writes meanwhile. */
  #unsealNewest(place: Place, piece: number, out: Buffer): void {
    const at = pieceAt(place, piece);
    const sealed = builtins.allocUnsafeSlow(lengthOf(out) + SEAL_BYTES);
    if (!this.#core.file.writtenAt(at, sealed)) {
      const all = this.#bytesAt(place.offset, place.sealed);
      copyInto(sealed, all.subarray(at - place.offset, at - place.offset + lengthOf(sealed)));
    }
    this.#unsealPiece(place, piece, sealed, out);
  }

  /** Has the batch seal a piece with the key of now, unless it is. Returns the bytes that this takes of the batch. */
  reseal(place: Place, piece: number): number {
    const all = this.#bytesAt(place.offset, place.sealed);
    const from = pieceAt(place, piece) - place.offset;
    const sealed = all.subarray(from, Math.min(from + PIECE_BYTES + SEAL_BYTES, place.sealed));
    if (numberOf(sealed) === this.record().number) return 0;
    const made = builtins.allocUnsafeSlow(lengthOf(sealed));
    withLockedBytes(PIECE_BYTES, (plain) => {
      const part = plain.subarray(0, lengthOf(sealed) - SEAL_BYTES);
      this.#unsealPiece(place, piece, sealed, part);
      this.#sealPiece(place, piece, part, made);
    });
    this.#check(this.#core.file.write(place.handle, from, made));
    return lengthOf(made);
  }

  /** Throws unless all of the block is as it was sealed. */
  verify(place: Place): void {
    if (this.hides(place.handle) || this.#fresh.has(place.handle)) return;
    withLockedBytes(Math.max(1, plainBytes(place.sealed)), (plain) => {
      this.#stable(() => this.#unsealAll(place, plain));
    });
  }

  /** Whoever has plain bytes sees zeros, and keys are gone. */
  close(): void {
    for (const plaintext of this.#live) plaintext.wipe();
    for (const [handle, plaintext] of this.#fresh) this.#drop(handle, plaintext);
    for (const number of this.#keys.keys()) this.#forgetKey(number);
  }
}
