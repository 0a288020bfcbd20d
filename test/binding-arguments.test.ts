// Native functions look at what they are given: no argument, however wrong, crashes the process or touches memory outside
// of a block. What a mistake in lib/ could pass is passed here, to every function of the addon and to every method of
// its objects, with any `this`.
import superslab, { BufferPool, PooledBuffer } from 'superslab';
import { describe, expect, test } from 'vitest';
import { childJson } from './support/child.js';
import { thrownBy } from './support/expect-error.js';

/**
 * Arguments that every function takes, by the object that has it. `block` is a leased one of 64 B, `large` one beyond
 * 2 MiB, `tag` a size class.
 */
const VALID = `{
  binding: {
    attach: [() => {}],
    nearestName: ['one', 'one|other'],
    ringWithin: [1],
    now: [],
    slabCuts: [],
    readTrace: ['/dev/null'],
    tuneTrace: ['/dev/null', 0, [['a', 'b']]],
    tables: [],
  },
  environment: {
    openPool: [[['zero', 'never']], 'garbage'],
    currentNode: [],
    policyText: [],
    window: [block >>> 10],
    isRecut: [block >>> 10],
    recutWindows: [],
    staleWindows: [],
    leasedInSlice: [block >>> 10],
    hugeWindow: [large],
    isHugeBlock: [large, 3 << 20],
    ownWindow: [block, 64, evaluation * 2 ** 32 + 1e9],
    awaitWindow: [evaluation * 2 ** 32 + 1e9, false],
    takeUnseenWindows: [],
    detach: [new ArrayBuffer(8)],
    capacity: [block],
    share: [block, 64],
    adopt: ['', new Float64Array(2)],
    revoke: [''],
    releaseShared: [0],
    sharedReferences: [block],
    outstandingTokens: [],
    fillBytes: [block, 0, 64, 7],
    firstOther: [block, 0, 64, 7],
    writeCanary: [block, 0, 64],
    brokenCanary: [block, 0, 64],
    hexBytes: [block, 0, 16],
    processStats: [],
    memoryFacts: [],
    pressure: [],
    readPressureFrom: ['/nowhere'],
    leakSites: [],
    noteMisuse: [{ kind: 'foreign', pool: 'pool', tag: 'tag', size: 1, detail: '', acquired: '', released: '', noticed: '', nowMs: 0 }],
    misuseSites: [],
    misuseChanges: [],
    makeScanner: [],
    findRecords: ['records'],
    openFile: [{ path: '/dev/null', size: 0, maxBytes: 0, growBy: 0, mode: 0o600, reads: false, sync: 0, recovers: true, checksums: 0, sensitive: 0 }],
    repairFile: ['/dev/null', ''],
    openSharedCache: [{ path: '/dev/null', maxBytes: 0, maxEntries: 0, mode: 0o600 }],
  },
  pool: {
    refill: [1],
    spill: [tag],
    give: [0],
    flush: [],
    takeHuge: [0],
    hugeCapacity: [3 << 20],
    countExhausted: [],
    tune: [[['maxBytes', 0]]],
    maxBytes: [],
    purgeDelayMs: [],
    startWaiting: [],
    stopWaiting: [],
    waitForRoom: [64, 1],
    takeSignals: [],
    refusedSecrecy: [],
    tick: [],
    trim: [0],
    relieve: [1],
    noteRelief: [1, 0],
    relievedBytes: [],
    committedBytes: [],
    isSettled: [],
    stats: [],
    recordSize: [64, 64, 1],
    recordLifetime: [10, 1],
    watch: ['garbage'],
    noteLeak: [{ tag: 'tag', stack: 'stack', bytes: 64, size: 64, ageMs: 1, estimated: 1 }],
    noteAtEnd: [{ block, tag: 'tag', stack: 'stack', bytes: 64, size: 64, ageMs: 1 }],
    leakSites: [],
    history: [],
    countGuardReport: [true],
    holdRecords: [{ name: 'garbage', layout: '', chunkBytes: 64, chunkRecords: 2, recordBytes: 8, firstGeneration: 2 }],
    recordWords: [0],
    placeRecords: [0, block],
    holdValues: [{ hotBytes: 1 << 20, watermark: 1, coldBytes: 0, minRatio: 1, cpuBudget: 1, foreignFrom: 1 << 20, usesLz4: true, firstGeneration: 5, clears: false }],
    valueSlots: [0],
    putValue: [block, 64],
    pinValue: [5 * 2 ** 24],
    unpinValue: [5 * 2 ** 24],
    freeValue: [5 * 2 ** 24],
    heatValue: [5 * 2 ** 24, block, false],
    coolValues: [64],
    nudgeCooling: [],
    coldExcess: [],
    unusedValue: [true],
    trimValues: [],
    valueFigures: [],
    pinnedValues: [5],
    valueContradiction: [],
    dropValues: [],
    beginForeign: [],
    finishForeign: [5 * 2 ** 24, new Uint8Array(8)],
    giveUpForeign: [5 * 2 ** 24],
    readForeign: [5 * 2 ** 24],
    holdPages: [{ path: folder + '/pages', pageBytes: 512, frames: 8, tag: environment.facts.tagOfGranules[8], mode: 0o600, reads: true, direct: false, checksum: 2 }],
    pageRows: [],
    addFrame: [block],
    lendFrame: [true],
    giveFrame: [0],
    dropFrame: [5],
    pinPage: [1, 0, true],
    pinPageInto: [1, 0, 0],
    pinScanned: [1, 0, true, 0, 0],
    prefetchPage: [1, true],
    readPages: [new Uint32Array([1, 2])],
    takeUnread: [],
    checkpoint: [true],
    checkpointsEnded: [],
    checkpointFailure: [],
    flushPage: [1],
    growPages: [1],
    pageCount: [],
    pageFailure: [],
    pageFigures: [],
    pinnedPages: [5],
    pageContradiction: [],
    closePages: [],
    close: [],
  },
  scanner: {
    scan: [{ ordinals: new Uint32Array(2), changes: true, full: true, atMs: 0, done: () => {} }],
  },
  records: {
    chunk: [0],
    hasEnded: [],
  },
  file: {
    alloc: [64, new Float64Array(4), true, false],
    find: [1, new Float64Array(4), true],
    free: [1],
    commit: [0],
    next: [new Float64Array(4), true],
    root: ['x'],
    setRoot: ['x', 0],
    rootNames: [],
    write: [1, 0, new Uint8Array(1)],
    writtenAt: [0, new Uint8Array(1)],
    isEncrypted: [],
    savepoint: [new Float64Array(4)],
    rollBack: [new Float64Array(4)],
    trim: [0],
    check: [],
    publish: [new Float64Array(40)],
    commitLater: [new Float64Array(4)],
    syncState: [new Float64Array(4)],
    syncLater: [1],
    listen: [true],
    takeEvents: [],
    beginBackup: ['/nowhere/copy', 0o600],
    stepBackup: [4096, new Float64Array(4)],
    finishBackup: [],
    endBackup: [],
    failure: [],
    hasUncommitted: [],
    window: [0, 64],
    advise: [0, 64, 0],
    beginBatch: [],
    endBatch: [],
    sharedState: [new Float64Array(4)],
    setOldestView: [1, 0],
    awaitEvent: [0, 1],
    lockName: ['x', false, 0],
    unlockName: ['x'],
    destroy: ['/dev/null'],
    close: [],
  },
  sharedCache: {
    find: ['key', 0, new Float64Array(12)],
    store: ['key', new Uint8Array(64), 0, tags, new Float64Array(2), 0, 64],
    keys: [new Float64Array(1)],
    hashTag: ['tag', tags],
    remove: ['key'],
    removeTag: ['tag'],
    tagVersion: ['tag'],
    clear: [],
    claim: ['key', new Float64Array(2)],
    endClaim: ['key', 1],
    listen: [],
    deafen: [],
    takeNews: [],
    markPins: [1],
    stats: [],
    check: [],
    window: [0],
    pageWindow: [0, 0, 64],
    memberWindow: [],
    lostWindow: [],
    lz4Compress: [new Uint8Array(8), new Uint8Array(8)],
    lz4Decompress: [new Uint8Array(8), new Uint8Array(8)],
    failure: [],
    close: [],
  },
}`;

const GARBAGE = `[
  undefined, null, NaN, Infinity, -Infinity, -1, 0.5, 64.5, 65, 255, 256, 2 ** 24, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53,
  Number.MAX_VALUE, true, '', 'text', '1', 'x'.repeat(1 << 20), '\\ud800', 1n, Symbol('s'), {}, [], [[]], [[1, 2]],
  [['zero', {}]], [[{}, 1]], [[]], { valueOf() { throw new Error('was coerced'); } }, () => {}, new Proxy([], {}),
  new Proxy(() => {}, {}), new Float64Array(0), new Float64Array(1), new Float32Array(2), new BigInt64Array(2),
  new Uint8Array(3), structuredClone(new ArrayBuffer(8)), detached, lost, new DataView(new ArrayBuffer(8)),
  new Float64Array(new SharedArrayBuffer(16)), foreign, new Date(0), /x/, new Map(), Promise.resolve(),
]`;

const PROGRAM = `
import assert from 'node:assert';
import vm from 'node:vm';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
const require = createRequire(process.cwd() + '/x.js');
const folder = mkdtempSync(tmpdir() + '/superslab-');
process.on('exit', () => rmSync(folder, { recursive: true }));
writeFileSync(folder + '/pages', new Uint8Array(512 * 8), { mode: 0o600 });
const b = require('node-gyp-build')(process.cwd());
const detached = new ArrayBuffer(16);
const lost = new Float64Array(detached);
structuredClone(detached, { transfer: [detached] });
const foreign = vm.runInNewContext('new Uint32Array(3)');
const garbage = ${GARBAGE};
let calls = 0;
const attempt = (self, name, args, method = self[name]) => {
  calls++;
  try {
    return method.apply(self, args);
  } catch (error) {
    if (String(error.message) === 'was coerced') throw error;
  }
};

// Before attach() there is nothing that could be used.
for (const name of Object.keys(b)) if (name !== 'attach') attempt(b, name, [0, 0, 0]);

const { BufferPool } = require('./dist/cjs/index.js');
const { leases } = require('./dist/cjs/pool/pooled-buffer.js');
const { openCores } = require('./dist/cjs/pool/cores.js');
const { environment } = require('./dist/cjs/addon/environment.js');
const { evaluation } = environment.facts;
const open = (name) => environment.openPool([['zero', 'never']], name);
const holder = open('records');
holder.holdRecords({ name: 'records', layout: '', chunkBytes: 64, chunkRecords: 2, recordBytes: 8, firstGeneration: 2 });
const objects = {
  binding: b, environment, pool: open('garbage'), scanner: environment.makeScanner(), records: environment.findRecords('records'),
  file: environment.openFile({ path: folder + '/file', size: 0, maxBytes: 1 << 20, growBy: 0, mode: 0o600, reads: false, sync: 0, recovers: true, checksums: 0, shares: true, lockTimeoutMs: 10 }),
  sharedCache: environment.openSharedCache({ path: folder + '/cache', maxBytes: 2 << 20, maxEntries: 0, mode: 0o600 }),
};
const tags = new Float64Array(33);
const pool = new BufferPool({ name: 'victims' });
const victims = Array.from({ length: 1024 }, () => pool.acquire(64).fill(0xa5));
const buf = pool.acquire(64).fill(0xa5);
const bigger = pool.acquire(3 << 20).fill(0xa5);
const block = leases.blockOf(buf);
const large = leases.blockOf(bigger);
const tag = 3;
const valid = ${VALID};
/** What a class's constructor makes stands for nothing. */
const empty = (kind) => new (Object.getPrototypeOf(objects[kind]).constructor)();
const strangers = (kind) => [
  undefined, null, 1, 'text', {}, Object.create(objects[kind]), new Proxy(objects[kind], {}), empty(kind),
  ...Object.values(objects).filter((one) => one !== objects[kind]), detached,
];
const methodsOf = (object) => {
  const own = Object.getPrototypeOf(object) === Object.prototype ? object : Object.getPrototypeOf(object);
  return Object.getOwnPropertyNames(own).filter((name) => name !== 'constructor' && name !== 'facts').sort();
};
const seen = {};
for (const [kind, functions] of Object.entries(valid)) {
  const self = objects[kind];
  assert.deepStrictEqual(Object.keys(functions).sort(), methodsOf(self));
  seen[kind] = Object.keys(functions).length;
  for (const [name, args] of Object.entries(functions)) {
    // The last one of a pool: then its methods are tried once more.
    const goesOn = kind === 'pool' && name === 'close' ? open('closed') : self;
    attempt(goesOn, name, args);
    attempt(goesOn, name, []);
    for (const wrong of garbage) {
      attempt(goesOn, name, args.map(() => wrong));
      attempt(goesOn, name, [...args, wrong, wrong]);
      args.forEach((_, i) => attempt(goesOn, name, args.map((right, k) => (k === i ? wrong : right))));
      const [fields] = args;
      if (typeof fields !== 'object' || Object.getPrototypeOf(fields) !== Object.prototype) continue;
      for (const field of Object.keys(fields)) attempt(goesOn, name, [{ ...fields, [field]: wrong }]);
    }
    // Somebody else's method: it is bound, or refuses.
    const method = self[name];
    for (const stranger of strangers(kind)) attempt(stranger, name, args, method);
    if (kind !== 'binding' && kind !== 'environment') assert.strictEqual(empty(kind)[name]?.(...args), undefined);
  }
}
// A field may be a getter: its error is nobody's, and what it does to the pool is seen.
const brief = open('brief');
const leak = valid.pool.noteLeak[0];
assert.strictEqual(brief.noteLeak({ ...leak, get tag() { throw new Error('of a getter'); } }), 1);
assert.strictEqual(brief.noteLeak({ ...leak, get stack() { brief.close(); return 'closed'; } }), 1);
assert.strictEqual(brief.noteLeak(new Proxy(leak, { get() { throw new Error('of a proxy'); } })), 0);
// An object outlives its pool.
const { hot } = { hot: brief.refill };
assert.deepStrictEqual(
  [brief.isSettled(), hot(tag), brief.refill(tag), brief.takeHuge(3 << 20), brief.stats(), brief.tick(), brief.committedBytes()],
  [true, 0, 0, 0, undefined, false, 0],
);
for (const [name, args] of Object.entries(valid.pool)) attempt(brief, name, args);
// Any number may be tried as a block or a superslab: none is of use but those that are.
for (let i = 0; i < 2000; i++) {
  const n = Math.floor(Math.random() * 2 ** 32);
  for (const name of ['capacity', 'hugeWindow', 'sharedReferences', 'releaseShared']) attempt(environment, name, [n]);
  attempt(environment, 'isHugeBlock', [n, 3 << 20]);
  attempt(environment, 'window', [n % (64 * 65536)]);
  attempt(environment, 'isRecut', [n % (64 * 65536)]);
  attempt(environment, 'leasedInSlice', [n % (64 * 65536)]);
  attempt(environment, 'hexBytes', [n, 0, 16]);
}
// A block of another pool is no place for records.
holder.recordWords(0);
holder.placeRecords(0, block);
assert.strictEqual(objects.records.chunk(0), undefined);
assert.strictEqual(holder.recordWords(2), undefined);
const past = (name, ...rest) => environment[name](block, ...rest);
past('fillBytes', 0, 64, 7);
assert.strictEqual(past('firstOther', 0, 64, 8), 0);
assert.strictEqual(past('firstOther', 0, 65, 8), -1);
assert.strictEqual(past('hexBytes', 64, 80), '');
assert.strictEqual(past('hexBytes', 0, 2 ** 53), '');
assert.strictEqual(past('ownWindow', 65, evaluation * 2 ** 32 + 2e9), undefined);
assert.strictEqual(past('ownWindow', -1, evaluation * 2 ** 32 + 2e9), undefined);
for (const length of [0, 65, -1, 0.5, NaN, Infinity, 2 ** 32 + 64]) assert.strictEqual(past('share', length), 4);
const out = new Float64Array(2);
const token = past('share', 64);
assert.strictEqual(typeof token, 'string');
assert.strictEqual(environment.adopt(token, new Float64Array(1)), 4);
assert.strictEqual(environment.adopt(token, out), 0);
assert.deepStrictEqual([...out], [block, 64]);
// Nothing outside of the block that the calls were about was written to.
assert(victims.every((victim) => victim.every((byte) => byte === 0xa5)), 'a neighbour was written to');
assert(bigger.every((byte) => byte === 0xa5));
console.log(JSON.stringify({ calls, seen }));
process.exit(0);
`;

describe('arguments of native functions', () => {
  test('none of them, however wrong, ends the process or reaches past a block', async () => {
    const { calls, seen } = await childJson(PROGRAM, { env: { SUPERSLAB_GUARD: 'off' } });
    expect(seen).toEqual({
      binding: 8,
      environment: 39,
      pool: 78,
      scanner: 1,
      records: 2,
      file: 38,
      sharedCache: 24,
    });
    expect(calls).toBeGreaterThan(5000);
  });
});

describe('properties that a program gives a buffer', () => {
  const pools: BufferPool[] = [];
  const open = (guard: 'off' | 'poison' | 'detach') => {
    const pool = new BufferPool({ guard });
    pools.push(pool);
    return pool;
  };

  test.each(['off', 'poison', 'detach'] as const)('share() takes the real length, guard %s', (guard) => {
    const pool = open(guard);
    for (const length of [0, 1 << 20, 2 ** 30, -1, Number.NaN, 'text']) {
      const buf = pool.acquire(64);
      for (const name of ['length', 'byteLength', 'byteOffset'])
        Object.defineProperty(buf, name, { value: length });
      Object.defineProperty(buf, 'buffer', { value: new ArrayBuffer(8) });
      const adopted = pool.adopt(pool.share(buf));
      expect(adopted.byteLength).toBe(64);
      pool.releaseMany([adopted, buf]);
    }
    expect(pool.stats().inUseBytes).toBe(0);
    pool.close();
  });

  test('from() copies the real bytes', () => {
    const pool = open('off');
    const data = new Uint8Array([1, 2, 3]);
    Object.defineProperty(data, 'length', { value: 1 << 20 });
    const copy = pool.from(data);
    expect([...copy]).toEqual([1, 2, 3]);
    copy.release();
    pool.close();
  });

  test('an ArrayBuffer that says it is empty is not taken for one that was detached', () => {
    const pool = open('detach');
    const buf = pool.acquire(100);
    const { buffer } = buf;
    Object.defineProperty(buffer, 'byteLength', { value: 0 });
    const view = new Uint8Array(buffer);
    buf.release();
    expect(view.length).toBe(0);
    pool.close();
  });

  test('the prototype of the class, which its constructor calls, cannot be changed', () => {
    expect(() => Object.setPrototypeOf(PooledBuffer, function intruder() {})).toThrow(TypeError);
  });

  test('a buffer that a program makes itself is no lease', () => {
    const Class = PooledBuffer as unknown as new (size: number) => Buffer & { released: boolean };
    class Mine extends Class {}
    for (const buf of [new Class(8), new Mine(8), Reflect.construct(Class, [8], Mine)]) {
      expect((buf as { released?: boolean }).released).toBe(true);
      thrownBy(() => superslab.release(buf as never), 'ERR_SUPERSLAB_RELEASED');
    }
    const stranger = Reflect.construct(Uint8Array, [8], Class);
    thrownBy(() => superslab.release(stranger), 'ERR_SUPERSLAB_FOREIGN');
  });
});
