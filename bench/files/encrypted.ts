// Encrypted blocks, beside a program that seals records of a plain file by itself: `npm run bench -- files mapped`.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { MappedPool } from 'superslab/files';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';

const ALGORITHM = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;

function microseconds(count: number, turn: () => void): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) turn();
  return ((performance.now() - start) * 1000) / count;
}

/** One record of a file: nonce, sealed bytes, tag, in one place. */
class SealedRecord {
  readonly #fd: number;
  readonly #key: Buffer;
  readonly #record: Buffer;

  constructor(path: string, key: Buffer, bytes: number) {
    this.#fd = openSync(path, 'w+', 0o600);
    this.#key = key;
    this.#record = Buffer.alloc(NONCE + bytes + TAG);
  }

  write(plain: Buffer): void {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce);
    const record = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    writeSync(this.#fd, record, 0, record.length, 0);
  }

  read(): Buffer {
    const record = this.#record;
    readSync(this.#fd, record, 0, record.length, 0);
    const end = record.length - TAG;
    const decipher = createDecipheriv(ALGORITHM, this.#key, record.subarray(0, NONCE));
    decipher.setAuthTag(record.subarray(end));
    return Buffer.concat([decipher.update(record.subarray(NONCE, end)), decipher.final()]);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Rows for blocks of several sizes. */
export function encryptedRows(folder: string, quick: boolean): MeasuredRow[] {
  const key = randomBytes(32);
  const rows: MeasuredRow[] = [];
  const rounds = quick ? 1 : 5;
  const options = { key, maxBytes: 64 << 20, size: 16 << 20, sync: 'none' } as const;
  const pool = MappedPool.open(`${folder}/encrypted`, options);
  for (const bytes of [100, 4096, 65_536]) {
    const count = quick ? 200 : Math.min(5000, Math.ceil((32 << 20) / bytes));
    const plain = randomBytes(bytes);
    const peer = new SealedRecord(`${folder}/sealed-${bytes}`, key, bytes);
    let handle: number | undefined;
    const replace = () => {
      using next = pool.alloc(bytes);
      next.set(plain);
      if (handle !== undefined) pool.free(handle);
      handle = next.handle;
      pool.setRoot('value', next);
      pool.commit();
    };
    const sealed: number[] = [];
    const peerSealed: number[] = [];
    const opened: number[] = [];
    const peerOpened: number[] = [];
    for (let round = 0; round < rounds; round++) {
      sealed.push(microseconds(count, replace));
      peerSealed.push(microseconds(count, () => peer.write(plain)));
      opened.push(microseconds(count, () => pool.at(handle!).release()));
      peerOpened.push(microseconds(count, () => void peer.read()));
    }
    const row = (name: string, own: number[], peers: Record<string, number>): MeasuredRow => ({
      case: name,
      unit: 'µs',
      superslab: median(own),
      spread: spread(own),
      peers,
    });
    rows.push(
      row(`encrypted: replace a block of ${bytes} B, commit`, sealed, {
        'crypto, writeSync': median(peerSealed),
      }),
      row(`encrypted: open a block of ${bytes} B`, opened, { 'readSync, crypto': median(peerOpened) }),
    );
    pool.free(handle!);
    pool.setRoot('value', null);
    pool.commit();
    peer.close();
  }
  pool.close();
  return rows;
}
