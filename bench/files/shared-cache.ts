// A cache that processes have in common beside LMDB, and beside an LRU cache and a Map of one process: values of 4 KiB that are there, two processes.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import { LRUCache } from 'lru-cache';
import { SharedCache } from 'superslab/files';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { measureHotKey } from './hot-key.js';

const MIB = 2 ** 20;
const KEYS = 1000;
const VALUE = Buffer.alloc(4096, 1);
const keys = Array.from({ length: KEYS }, (_, i) => `session:${i}:page`);

/** Where a shared cache is meant to be. */
const ROOT = '/dev/shm';

/** Nanoseconds of a turn. */
function turns(count: number, turn: (key: string) => void): number {
  const start = performance.now();
  for (let i = 0; i < count; i++) turn(keys[(i * 7) % KEYS]!);
  return ((performance.now() - start) * 1e6) / count;
}

interface Case {
  readonly name: string;
  readonly own: (key: string) => void;
  readonly peers: Readonly<Record<string, (key: string) => void>>;
}

function measure(one: Case, rounds: number, count: number): MeasuredRow {
  const names = Object.keys(one.peers);
  const own: number[] = [];
  const others = names.map(() => [] as number[]);
  for (let round = 0; round <= rounds; round++) {
    const took = [one.own, ...names.map((name) => one.peers[name]!)].map((turn) => turns(count, turn));
    if (round === 0) continue; // compiles
    own.push(took[0]!);
    for (const [i, ns] of took.slice(1).entries()) others[i]!.push(ns);
  }
  const peers = Object.fromEntries(names.map((name, i) => [name, median(others[i]!)]));
  return { case: one.name, unit: 'ns', superslab: median(own), spread: spread(own), peers };
}

async function neighbour(...args: string[]) {
  const program = fileURLToPath(new URL('./cache-neighbour.js', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

export async function measureSharedCache(quick: boolean): Promise<MeasuredRow[]> {
  const path = `${ROOT}/superslab-bench-${process.pid}`;
  const folder = `${path}-lmdb`;
  const cache = SharedCache.open({ path, maxBytes: 64 * MIB });
  const db = open<Buffer, string>({ path: folder, encoding: 'binary', noSync: true, mapSize: 256 * MIB });
  const map = new Map<string, Buffer>();
  const lru = new LRUCache<string, Buffer>({ max: 2 * KEYS });
  for (const key of keys) {
    cache.set(key, VALUE);
    db.putSync(key, VALUE);
    map.set(key, Buffer.from(VALUE));
    lru.set(key, Buffer.from(VALUE));
  }
  const child = await neighbour(path, folder, '100');
  const target = Buffer.alloc(8192);
  const count = quick ? 5000 : 100_000;
  const rounds = quick ? 1 : 5;
  try {
    const cases: Case[] = [
      {
        name: 'getInto, 4 KiB',
        own: (key: string) => void cache.getInto(key, target),
        peers: { 'lmdb getBinaryFast': (key: string) => void db.getBinaryFast(key) },
      },
      {
        name: 'get, 4 KiB',
        own: (key: string) => void cache.get(key),
        peers: { 'lmdb getBinary': (key: string) => void db.getBinary(key) },
      },
      {
        name: 'pin and release',
        own: (key: string) => cache.pin(key)!.release(),
        peers: {
          // What nobody looks at V8 leaves out.
          'lru-cache get': (key: string) => {
            if (lru.get(key) === undefined) throw new Error(key);
          },
          'Map get': (key: string) => {
            if (map.get(key) === undefined) throw new Error(key);
          },
        },
      },
      {
        name: 'set, 4 KiB',
        own: (key: string) => void cache.set(key, VALUE),
        peers: { 'lmdb putSync': (key: string) => db.putSync(key, VALUE) },
      },
    ];
    const measured = cases.map((one) =>
      measure(one, rounds, one.name.startsWith('set') ? count / 10 : count),
    );
    const puts = await measurePuts(cache, db, rounds, count / 10);
    return [...measured, puts, ...(await measureHotKey(ROOT, quick))];
  } finally {
    child.kill('SIGKILL');
    cache.close();
    await db.close();
    rmSync(path, { force: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

/** LMDB's own way to write many: in batches, on a thread of its own. */
async function measurePuts(
  cache: SharedCache,
  db: { put(key: string, value: Buffer): Promise<boolean> },
  rounds: number,
  count: number,
): Promise<MeasuredRow> {
  const own: number[] = [];
  const others: number[] = [];
  for (let round = 0; round < rounds; round++) {
    own.push(turns(count, (key) => void cache.set(key, VALUE)));
    const start = performance.now();
    let last: Promise<boolean> | undefined;
    for (let i = 0; i < count; i++) last = db.put(keys[(i * 7) % KEYS]!, VALUE);
    await last;
    others.push(((performance.now() - start) * 1e6) / count);
  }
  return {
    case: 'set, 4 KiB, many',
    unit: 'ns',
    superslab: median(own),
    spread: spread(own),
    peers: { 'lmdb put, noSync': median(others) },
  };
}
