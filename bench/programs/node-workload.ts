// What a Node server does with memory outside V8's heap, and some inside it. The argument says how much; the
// lines printed depend on nothing else (and on the version of Node: zlib's output may).
import { createCipheriv, createDecipheriv, createHash, createHmac, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflate,
  deflateRawSync,
  gunzipSync,
  gzipSync,
  inflate,
  inflateRawSync,
} from 'node:zlib';
import { generator } from './program.js';

const scale = Number(process.argv[2]);

function say(name: string, ...parts: (string | Uint8Array)[]): void {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  process.stdout.write(`${name} ${hash.digest('hex')}\n`);
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`wrong answer: ${what}`);
}

/** Bytes that a compressor can do something with. */
function lines(bytes: number, random: (below: number) => number): Buffer {
  const parts: string[] = [];
  for (let length = 0; length < bytes; ) {
    const line = `<${random(192)}>1 host${random(20)} app[${random(1000)}]: request ${random(1e6)} took ${random(900)} ms\n`;
    parts.push(line);
    length += line.length;
  }
  return Buffer.from(parts.join('')).subarray(0, bytes);
}

function json(): void {
  const random = generator(1);
  let text = '';
  for (let i = 0; i < scale * 2; i++) {
    const records = Array.from({ length: 1500 }, (_, id) => ({
      id,
      name: `item ${random(1e6)}`,
      price: random(1e5) / 100,
      of: [id, null, { in: id % 3 === 0, note: 'é'.repeat(random(20)) }],
    }));
    text = JSON.stringify(records);
    const back = JSON.parse(Buffer.from(text).toString()) as typeof records;
    check(back.length === 1500 && back[1499]!.name === records[1499]!.name, 'JSON');
  }
  say('json', text);
}

function zlibSync(): void {
  const random = generator(2);
  const results: Uint8Array[] = [];
  for (let i = 0; i < scale * 4; i++) {
    const data = lines(4096 + random(60_000), random);
    const gzip = gzipSync(data, { level: 4 });
    check(gunzipSync(gzip).equals(data), 'gzip');
    const raw = deflateRawSync(data, { level: 1 });
    check(inflateRawSync(raw).equals(data), 'raw deflate');
    results.push(gzip, raw);
    if (i % 4 === 0) {
      const brotli = brotliCompressSync(data, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } });
      check(brotliDecompressSync(brotli).equals(data), 'brotli');
      results.push(brotli);
    }
  }
  say('zlib', ...results);
}

/** Eight at a time on the thread pool: memory taken in one thread, given back in another. */
async function zlibAsync(): Promise<void> {
  const random = generator(3);
  const inputs = Array.from({ length: scale * 8 }, () => lines(1024 + random(64_000), random));
  const results = new Array<Buffer>(inputs.length);
  let next = 0;
  const worker = async () => {
    while (next < inputs.length) {
      const i = next++;
      const packed = await promisify<Buffer, object, Buffer>(deflate)(inputs[i]!, { level: 2 });
      const back = await promisify<Buffer, Buffer>(inflate)(packed);
      check(back.equals(inputs[i]!), 'deflate on the thread pool');
      results[i] = packed;
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  say('zlib, thread pool', ...results);
}

async function crypto(): Promise<void> {
  const random = generator(4);
  const data = lines(1 << 18, random);
  const key = createHash('sha256').update('key').digest();
  const results: Uint8Array[] = [];
  for (let i = 0; i < scale * 400; i++) {
    const from = random(1 << 17);
    const part = data.subarray(from, from + 64 + random(4000));
    results.push(
      createHash(i % 2 ? 'sha256' : 'md5')
        .update(part)
        .digest(),
    );
    results.push(createHmac('sha256', key).update(part).digest());
    const iv = Buffer.alloc(12, i);
    const cipher = createCipheriv('aes-256-gcm', key, iv);
    const secret = Buffer.concat([cipher.update(part), cipher.final()]);
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAuthTag(cipher.getAuthTag());
    check(Buffer.concat([decipher.update(secret), decipher.final()]).equals(part), 'AES');
    if (i % 16 === 0) results.push(secret);
  }
  const derived = Array.from({ length: scale }, (_, i) =>
    i % 2
      ? promisify(scrypt)('password', `salt ${i}`, 32)
      : promisify(pbkdf2)('password', `salt ${i}`, 5000, 32, 'sha256'),
  );
  say('crypto', ...results, ...((await Promise.all(derived)) as Buffer[]));
}

async function buffers(): Promise<void> {
  const random = generator(5);
  const hash = createHash('sha256');
  const kept = new Array<Buffer>(600).fill(Buffer.alloc(0));
  for (let i = 0; i < scale * 3000; i++) {
    const size = random(8) === 0 ? 1024 + random(64_000) : 1 + random(2000);
    const buffer = i % 3 === 0 ? Buffer.alloc(size) : Buffer.allocUnsafe(size);
    buffer.fill(i & 255, 0, Math.min(size, 512));
    const slot = random(kept.length);
    const old = kept[slot]!;
    if (old.length > 0) hash.update(old.subarray(0, Math.min(old.length, 64)));
    kept[slot] = i % 50 === 0 ? Buffer.concat([old, buffer].map((part) => part.subarray(0, 512))) : buffer;
    if (i % 20 === 0) {
      const head = buffer.subarray(0, Math.min(size, 512));
      check(Buffer.from(head.toString('base64'), 'base64').equals(head), 'base64');
    }
    // As between requests: finalizers run and sockets would be served.
    if (i % 2000 === 0) await new Promise(setImmediate);
  }
  hash.update(kept.map((buffer) => buffer.length).join());
  say('buffers', hash.digest());
}

json();
zlibSync();
await zlibAsync();
await crypto();
await buffers();
process.stdout.write('done\n');
