// AES-256-GCM of pieces of blocks. docs/FILE-FORMAT.md has the form of a sealed block.
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { builtins, copyInAt, copyInto, fill, lengthOf } from '../../../base/builtins.js';

/** Bytes of a key. */
export const KEY_BYTES = 32;
/** Plain bytes that are sealed together: a write() to a large block seals no more of it than it has to. */
export const PIECE_BYTES = 32_768;
const NONCE_BYTES = 12;
const NUMBER_AT = NONCE_BYTES;
const HEAD_BYTES = NONCE_BYTES + 4;
const TAG_BYTES = 16;
/** What sealing adds to each piece: a nonce, the number of the key, and a tag. */
export const SEAL_BYTES = HEAD_BYTES + TAG_BYTES;
const ALGORITHM = 'aes-256-gcm';

const piecesOf = (bytes: number, pieceBytes: number): number => Math.max(1, Math.ceil(bytes / pieceBytes));

/** Bytes of a sealed block of `bytes`. */
export const sealedBytes = (bytes: number): number => bytes + SEAL_BYTES * piecesOf(bytes, PIECE_BYTES);

/** Pieces of a block that takes so many bytes when it is sealed. */
export const piecesOfSealed = (sealed: number): number => piecesOf(sealed, PIECE_BYTES + SEAL_BYTES);

/** Bytes of the block that takes so many when it is sealed; below 0 when none does. */
export const plainBytes = (sealed: number): number => sealed - SEAL_BYTES * piecesOfSealed(sealed);

/** Random bytes of the operating system. */
export const randomize = (bytes: Uint8Array): void => void randomFillSync(bytes);

/**
 * What a piece is sealed for: it opens in no other file, block, place of a block or length of one. One at a time, as it is copied at once.
 */
const context = builtins.bufferOf(new builtins.ArrayBuffer(40), 0, 40);

export function contextOf(fileId: Uint8Array, handle: number, piece: number, bytes: number): Uint8Array {
  copyInto(context, fileId);
  context.writeDoubleLE(handle, 16);
  context.writeDoubleLE(piece, 24);
  context.writeDoubleLE(bytes, 32);
  return context;
}

/** The number of the key with which a piece was sealed. */
export const numberOf = (sealed: Buffer): number => sealed.readUInt32LE(NUMBER_AT);

/** Seals `plain` into `out`, which has SEAL_BYTES more: under a nonce that is made for it. */
export function seal(
  key: Uint8Array,
  number: number,
  context: Uint8Array,
  plain: Uint8Array,
  out: Buffer,
): void {
  randomFillSync(out, 0, NONCE_BYTES);
  out.writeUInt32LE(number, NUMBER_AT);
  const cipher = createCipheriv(ALGORITHM, key, out.subarray(0, NONCE_BYTES));
  cipher.setAAD(context);
  copyInAt(out, cipher.update(plain), HEAD_BYTES);
  cipher.final();
  copyInAt(out, cipher.getAuthTag(), HEAD_BYTES + lengthOf(plain));
}

/**
 * Opens what seal() has made into `out`. OpenSSL's copy of the plain bytes is overwritten.
 * @returns false when the bytes are others, or the key or the context is; then `out` is as it was
 */
export function unseal(key: Uint8Array, context: Uint8Array, sealed: Buffer, out: Uint8Array): boolean {
  const end = lengthOf(sealed) - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(context);
  // A copy: in a shared file the tag could be another one by the time that it is looked at.
  const tag = builtins.allocUnsafeSlow(TAG_BYTES);
  copyInto(tag, sealed.subarray(end));
  decipher.setAuthTag(tag);
  const plain = decipher.update(sealed.subarray(HEAD_BYTES, end));
  try {
    decipher.final();
    copyInto(out, plain);
    return true;
  } catch (error) {
    if (error instanceof RangeError) throw error; // the stack is full
    return false;
  } finally {
    fill(plain, 0);
  }
}
