// The block in which an encrypted file has its keys: docs/FILE-FORMAT.md.
import { Buffer } from 'node:buffer';
import { builtins, copyInto, lengthOf } from '../../../base/builtins.js';
import { KEY_BYTES, randomize, SEAL_BYTES, seal, unseal } from './cipher.js';

/** The root that names it. */
export const KEYS_ROOT = '\0keys';
/** Bytes of a key's id. */
export const ID_BYTES = 48;

const MAGIC = 'SSLABKEY';
const FILE_ID_AT = 8;
const FILE_ID_BYTES = 16;
const NUMBER_AT = 24;
const COUNT_AT = 28;
const ID_LENGTH_AT = 32;
const ID_AT = 36;
const SEALS_AT = 88;
const KEYS_AT = 96;
const WRAPPED_BYTES = KEY_BYTES + SEAL_BYTES;
const MAX_KEYS = 2;
export const RECORD_BYTES = KEYS_AT + MAX_KEYS * WRAPPED_BYTES;

/** What a key of blocks is wrapped for: this file, the id of the program's key, and its own number. */
const contextOf = (record: KeyRecord, number: number): Buffer => {
  const context = builtins.allocUnsafeSlow(FILE_ID_BYTES + 4);
  copyInto(context, record.fileId);
  context.writeUInt32LE(number, FILE_ID_BYTES);
  return Buffer.concat([context, record.bytes.subarray(ID_LENGTH_AT, SEALS_AT)]);
};

/**
 * Blocks are sealed with random keys, which have numbers. Those stand here, sealed with the program's key: the one of now, and while
 * blocks are resealed the one before.
 */
export class KeyRecord {
  readonly bytes: Buffer;

  /** A copy of what is in the file. */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static empty(): KeyRecord {
    const record = new KeyRecord(Buffer.alloc(RECORD_BYTES));
    record.bytes.write(MAGIC, 0, 'latin1');
    randomize(record.fileId);
    return record;
  }

  get isValid(): boolean {
    const { bytes } = this;
    return (
      lengthOf(bytes) === RECORD_BYTES &&
      bytes.toString('latin1', 0, FILE_ID_AT) === MAGIC &&
      this.count >= 1 &&
      this.count <= MAX_KEYS &&
      bytes.readUInt32LE(ID_LENGTH_AT) <= ID_BYTES
    );
  }

  get fileId(): Buffer {
    return this.bytes.subarray(FILE_ID_AT, FILE_ID_AT + FILE_ID_BYTES);
  }

  /** Of the key with which blocks are sealed now. */
  get number(): number {
    return this.bytes.readUInt32LE(NUMBER_AT);
  }

  /** 2 while there may be blocks that were sealed with the key before. */
  get count(): number {
    return this.bytes.readUInt32LE(COUNT_AT);
  }

  /** Of the program's key. */
  get keyId(): string {
    return this.bytes.toString('utf8', ID_AT, ID_AT + this.bytes.readUInt32LE(ID_LENGTH_AT));
  }

  /** How many pieces may have been sealed with the key of now. */
  get seals(): number {
    return this.bytes.readDoubleLE(SEALS_AT);
  }

  set seals(count: number) {
    this.bytes.writeDoubleLE(count, SEALS_AT);
  }

  #wrapped(place: number): Buffer {
    return this.bytes.subarray(KEYS_AT + place * WRAPPED_BYTES, KEYS_AT + (place + 1) * WRAPPED_BYTES);
  }

  /** The number of the key at a place: the one of now at 0, the one before at 1. */
  numberAt(place: number): number {
    return this.number - place;
  }

  /** The key of that place into `out`; false when it was wrapped with another key, or the record was changed. */
  unwrap(place: number, key: Uint8Array, out: Uint8Array): boolean {
    return unseal(key, contextOf(this, this.numberAt(place)), this.#wrapped(place), out);
  }

  /** Has these keys, the one of now first, wrapped with the program's. */
  wrap(keyId: string, key: Uint8Array, number: number, keys: readonly Uint8Array[]): void {
    const { bytes } = this;
    const id = builtins.bufferOfText(keyId, 'utf8');
    bytes.fill(0, NUMBER_AT);
    bytes.writeUInt32LE(number, NUMBER_AT);
    bytes.writeUInt32LE(keys.length, COUNT_AT);
    bytes.writeUInt32LE(lengthOf(id), ID_LENGTH_AT);
    copyInto(bytes.subarray(ID_AT, ID_AT + ID_BYTES), id);
    for (const [place, wrapped] of keys.entries()) {
      const at = this.numberAt(place);
      seal(key, at, contextOf(this, at), wrapped, this.#wrapped(place));
    }
  }

  /** Forgets the key before. */
  dropOld(): void {
    this.#wrapped(1).fill(0);
    this.bytes.writeUInt32LE(1, COUNT_AT);
  }
}
