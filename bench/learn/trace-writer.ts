// Makes traces (docs/TRACE-FORMAT.md) of programs that never were: for demand of a known shape.
import { writeFileSync } from 'node:fs';

const HEAD_BYTES = 64 * 1024;
const CHUNK_BYTES = 64 * 1024;
const CHUNK_HEAD_BYTES = 64;
const EVENT_BYTES = 16;
const EVENTS_PER_CHUNK = (CHUNK_BYTES - CHUNK_HEAD_BYTES) / EVENT_BYTES;
const STEP_NS = 16;
const STEP_BITS = 24n;
const ALLOCATE = 1n;
const FREE = 2n;
const TIME = 4n;

/** CRC-32C, bit by bit: heads are short. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function headOf(maxChunks: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write('SSTRACE\n', 0, 'latin1');
  const fields = [1, 0x01020304, EVENT_BYTES, CHUNK_BYTES, HEAD_BYTES, STEP_NS, 4096, 1];
  for (const [i, field] of fields.entries()) head.writeUInt32LE(field, 8 + 4 * i);
  head.write('made', 40, 'latin1');
  head.writeBigUInt64LE(BigInt(maxChunks), 64);
  head.writeUInt32LE(crc32c(head.subarray(0, 80)), 80);
  head.writeBigUInt64LE(BigInt(maxChunks), 88);
  head.writeUInt32LE(1, 104);
  head.writeUInt32LE(1, 108);
  head.writeUInt32LE(1, 112);
  return head;
}

/** The events of one thread. */
export class TraceWriter {
  readonly #chunks: Buffer[] = [];
  #next = EVENTS_PER_CHUNK;
  #now = 0;
  #last = 0;

  /** Time passes. */
  pass(ns: number): void {
    this.#now += ns / STEP_NS;
  }

  allocate(block: number, bytes: number): void {
    this.#add((BigInt(block) << 8n) | ALLOCATE, bytes);
  }

  free(block: number): void {
    this.#add((BigInt(block) << 8n) | FREE, 0);
  }

  #add(what: bigint, bytes: number): void {
    // What one event cannot say of time is one of its own.
    if (this.#steps() >> STEP_BITS !== 0n) this.#put(TIME, 0n);
    this.#put(what, BigInt(bytes) << STEP_BITS);
  }

  /** Of time since the event before. */
  #steps(): bigint {
    return BigInt(Math.floor(this.#now) - this.#last);
  }

  /** `word` lacks the steps. */
  #put(what: bigint, word: bigint): void {
    if (this.#next === EVENTS_PER_CHUNK) this.#beginChunk();
    const at = CHUNK_HEAD_BYTES + EVENT_BYTES * this.#next++;
    const chunk = this.#chunks.at(-1)!;
    chunk.writeBigUInt64LE(what, at);
    chunk.writeBigUInt64LE(word | this.#steps(), at + 8);
    this.#last = Math.floor(this.#now);
  }

  #beginChunk(): void {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const fields = [0x4b484353, 1, 1, 0, 1, this.#chunks.length];
    for (const [i, field] of fields.entries()) chunk.writeUInt32LE(field, 4 * i);
    this.#last = Math.floor(this.#now);
    chunk.writeBigUInt64LE(BigInt(this.#last) * BigInt(STEP_NS), 24);
    this.#chunks.push(chunk);
    this.#next = 0;
  }

  save(file: string): void {
    writeFileSync(file, Buffer.concat([headOf(this.#chunks.length), ...this.#chunks]));
  }
}
