// Vectors of 256 numbers, one behind the other in one block of a file.
import { MappedPool } from 'superslab/files';

export const DIMENSIONS = 256;
const BYTES_OF_VECTOR = DIMENSIONS * Float32Array.BYTES_PER_ELEMENT;
const MIB = 2 ** 20;
const ROOT = 'embeddings';

/** Numbers from -0.5 to 0.5, the same in each run (xorshift). */
function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32 - 0.5;
  };
}

/** Makes a file with `mib` MiB of vectors; a program would read them from its model here. They have length 1. */
export function load(path: string, mib: number): number {
  const bytes = mib * MIB;
  using pool = MappedPool.open(path, { maxBytes: bytes + Math.max(bytes / 16, 16 * MIB), sync: 'none' });
  const block = pool.alloc(bytes);
  const all = new Float32Array(block.buffer, block.byteOffset, bytes / Float32Array.BYTES_PER_ELEMENT);
  const random = randomNumbers();
  for (let at = 0; at < all.length; at += DIMENSIONS) {
    let sum = 0;
    for (let i = at; i < at + DIMENSIONS; i++) {
      const number = random();
      all[i] = number;
      sum += number * number;
    }
    const length = Math.sqrt(sum);
    for (let i = at; i < at + DIMENSIONS; i++) all[i]! /= length;
  }
  pool.setRoot(ROOT, block);
  pool.commit();
  return bytes / BYTES_OF_VECTOR;
}

/** The vectors where they lie: nothing is copied, and all processes that open the file have the same memory. */
export function open(path: string): { readonly pool: MappedPool; readonly all: Float32Array } {
  const pool = MappedPool.open(path, { access: 'read' });
  const block = pool.root(ROOT);
  if (block === undefined) throw new Error(`${path} has no vectors`);
  const { buffer, byteOffset, length } = block;
  return { pool, all: new Float32Array(buffer, byteOffset, length / Float32Array.BYTES_PER_ELEMENT) };
}

/** Which vector is most like `wanted`, by the cosine of the angle between them, and that. */
export function mostLike(all: Float32Array, wanted: Float32Array): { place: number; likeness: number } {
  let place = -1;
  let likeness = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < all.length; at += DIMENSIONS) {
    let sum = 0;
    for (let i = 0; i < DIMENSIONS; i++) sum += all[at + i]! * wanted[i]!;
    if (sum <= likeness) continue;
    likeness = sum;
    place = at / DIMENSIONS;
  }
  return { place, likeness };
}
