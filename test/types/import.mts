// The public types as an ES module sees them. Compiled, never run: `npm run test:types`.
import { metrics } from '@opentelemetry/api';
import { type OpenMetricsContentType, Registry } from 'prom-client';
import superslab, {
  type Adaptation,
  acquire,
  alloc,
  BufferPool,
  type BufferPoolOptions,
  type ClassDemand,
  type DemandHistory,
  type DemandInterval,
  type LearningEvent,
  type LearningStats,
  type PolicyMessage,
  type Pool,
  type PooledBuffer,
  type PoolPressureMessage,
  type PoolStats,
  type PressureFigures,
  type PressureMessage,
  policy,
  stats as processStats,
  type ShareToken,
} from 'superslab';

import {
  type BackupOptions,
  type CachePage,
  type Changes,
  type FileCheck,
  type FileKey,
  type FileMessage,
  type FileStats,
  type MappedBuffer,
  MappedPool,
  type MappedPoolOptions,
  type MappedPoolStats,
  type NamedLock,
  type Page,
  PageCache,
  type PageCacheFigures,
  type PageCacheOptions,
  type PageScan,
  type RestoreOptions,
  type RotationOptions,
  type ScanOptions,
  SharedCache,
  type SharedCacheOptions,
  type SharedCacheStats,
} from 'superslab/files';
import { createPool } from 'superslab/generic-pool';
import { type Inspector, type InspectorOptions, startInspector } from 'superslab/inspector';
import KeyvStoreDefault, { KeyvStore, type KeyvStoreEntry } from 'superslab/keyv';
import NextHandler, { createCacheHandler, type NextCacheHandler } from 'superslab/next-cache-handler';
import { observeSuperslab } from 'superslab/opentelemetry';
import {
  array,
  bytes,
  type Codec,
  type CollectOptions,
  type Column,
  CompressedPool,
  type CompressedPoolOptions,
  type FixedBuffer,
  FixedPool,
  type FixedPoolOptions,
  GenerationalPool,
  type GenerationalPoolOptions,
  type GenerationsFigures,
  NumaPool,
  type NumaPoolOptions,
  ObjectPool,
  type ObjectPoolOptions,
  type Packet,
  PacketPool,
  type PacketPoolOptions,
  type PacketReader,
  type PacketWriter,
  type RecordEntry,
  RecordPool,
  type RecordPoolOptions,
  type RecordReader,
  record,
  type TierFigures,
  type ValueScope,
} from 'superslab/pools';
import { collectSuperslab, type PrometheusOptions } from 'superslab/prometheus';

const buffer: PooledBuffer = acquire(1500);
const asBuffer: Buffer = buffer;
const asBytes: Uint8Array = alloc(64);
buffer.retain().release();
const refs: number = buffer.refs;
const released: boolean = buffer.released;
const capacity: number = buffer.capacity;
// @ts-expect-error: read-only
buffer.refs = 2;
// @ts-expect-error: read-only
buffer.capacity = 2;
// @ts-expect-error: a size is a number
acquire('1500');
// @ts-expect-error: pools make their buffers, nobody else does
new superslab.PooledBuffer(1);

const options: BufferPoolOptions = {
  name: 'receive',
  maxBytes: 1 << 20,
  zero: 'release',
  hugePages: 'thp',
  populate: 'demand',
  numa: 0,
  purgeDelayMs: 10,
  adaptive: false,
  onExhausted: 'wait',
  align: 4096,
};
const pool = new BufferPool(options);
new BufferPool();
const align: number = pool.align;
const anyKind: Pool = pool;
const limit: number | undefined = anyKind.maxBytes ?? anyKind.max;
anyKind.on('leak', ({ stack }) => stack).check();
// @ts-expect-error: did you mean hugePages
new BufferPool({ hugepages: 'thp' });
// @ts-expect-error: an alignment is a number
new BufferPool({ align: '4k' });
// @ts-expect-error: fixed when the pool is opened
pool.tune({ align: 64 });
// @ts-expect-error: no such mode
new BufferPool({ zero: 'sometimes' });

const take: (size: number) => PooledBuffer = pool.acquire;
const give: (buffer: Uint8Array) => void = pool.release;
const many: PooledBuffer[] = pool.acquireMany(64, 10);
pool.releaseMany(new Set(many));
pool.from('text', 'utf8');
pool.from(new ArrayBuffer(8));
const waiting: Promise<PooledBuffer> = pool.acquireAsync(64, { signal: AbortSignal.timeout(10) });
const owned: boolean = pool.owns(new Uint8Array(1));
const token: ShareToken = pool.share(buffer);
const adopted: PooledBuffer = pool.adopt(structuredClone(token));
pool.revoke(token);
// @ts-expect-error: only a pooled buffer can be shared
pool.share(Buffer.alloc(1));
const length: number = pool.scope((scope) => scope.acquire(10).length + scope.alloc(10).length);
const later: Promise<string> = pool.scope(async ({ acquire }) => acquire(10).toString());
const trimmed: number = pool.trim() + pool.trim(1 << 20);
const stats: PoolStats = pool.stats();
const adaptation: Adaptation | undefined = stats.adaptations[0];
const learning: LearningStats | undefined = stats.learning;
const learned: LearningEvent | undefined = learning?.events[0];
const policyMessage: PolicyMessage | undefined = learned && { ...learned, pool: stats.name };
pool.tune({ learn: policyMessage?.kind === 'kept' ? 'frozen' : 'trial' });
// @ts-expect-error: no such mode
pool.tune({ learn: 'on' });
const history: DemandHistory = pool.history();
const interval: DemandInterval = history.intervals[0]!;
const demand: ClassDemand = interval.classes[0]!;
const peakBytes: number = demand.peakBytes + (adaptation?.blockBytes ?? 0);
// @ts-expect-error: read-only
demand.acquires = 1;
pool.close();

const toPrometheus: PrometheusOptions = {
  register: new Registry<OpenMetricsContentType>(),
  prefix: 'memory_',
};
// @ts-expect-error: no such option
collectSuperslab({ registry: new Registry() });
const disposables: Disposable[] = [
  buffer,
  pool,
  collectSuperslab(),
  collectSuperslab(toPrometheus),
  observeSuperslab(),
  observeSuperslab({ meter: metrics.getMeter('mine') }),
];
const theDefault: BufferPool = BufferPool.default;
const sameNames: typeof acquire = superslab.acquire;

const settings: InspectorOptions = { port: 9300, signal: new AbortController().signal };
const inspecting: Promise<Inspector & AsyncDisposable> = startInspector(settings);
// @ts-expect-error: a port is a number
startInspector({ port: '9300' });

export {
  adopted,
  asBuffer,
  asBytes,
  capacity,
  disposables,
  give,
  inspecting,
  later,
  length,
  limit,
  owned,
  peakBytes,
  refs,
  released,
  sameNames,
  stats,
  take,
  theDefault,
  trimmed,
  waiting,
};

const fixedOptions: FixedPoolOptions = {
  size: 2048,
  max: 10,
  initial: 2,
  align: 4096,
  colour: false,
  zero: 'release',
};
const fixedPool: Pool & FixedPool = new FixedPool(fixedOptions);
const fixedBuffer: FixedBuffer = fixedPool.get();
fixedPool.put(fixedBuffer);
fixedPool.putBulk(fixedPool.getBulk(3, []));
fixedPool.warm(5, (done: number, count: number) => done + count);
void (fixedPool.getAsync({ signal: AbortSignal.timeout(1) }) satisfies Promise<FixedBuffer>);
// @ts-expect-error: max decides it
new FixedPool({ size: 1, maxBytes: 2 });
// @ts-expect-error: without a size
new FixedPool({});

const numaOptions: NumaPoolOptions = {
  name: 'frames',
  maxBytes: '1g',
  numaRemoteShare: 40,
  numaMoveBytes: '32m',
};
const numaPool: Pool & NumaPool = new NumaPool(numaOptions);
const ofNode: PooledBuffer = numaPool.get(1500);
numaPool.put(numaPool.adopt(numaPool.share(ofNode)));
void (numaPool.getAsync(10, { signal: AbortSignal.timeout(1) }) satisfies Promise<PooledBuffer>);
numaPool.warm(1500, 5, (done: number, count: number) => done + count);
numaPool.tune({ maxBytes: 0, numaMoveBytes: 0 });
const whichNodes: readonly number[] = [...numaPool.nodes, numaPool.node];
void whichNodes;
// @ts-expect-error: it decides that for each thread
new NumaPool({ numa: 1 });
const packetOptions: PacketPoolOptions = { size: 2048, headroom: 64, tailroom: 16, max: 10, zero: 'release' };
const packetPool: Pool & PacketPool = new PacketPool(packetOptions);
const packet: Packet = packetPool.get().put(8).push(4).pull(2).trim(1);
const packetWriter: PacketWriter = packetPool.writer().writeUInt16BE(1).write('text', 'latin1').bytes(buffer);
const chain: Packet = packetWriter.finish().append(packet).append(packet.clone());
const parts: Buffer[] = [...chain.iovec(), chain.view(), chain.peek(0, 2), chain.base];
const lengths: number = chain.length + chain.segments + chain.headroom + chain.tailroom + chain.offset;
packetPool.freeBulk(packetPool.getBulk(3, []));
packetPool.free(packetPool.attach(new Uint8Array(1), (memory) => memory.length));
packetPool.attach(buffer, (memory) => memory.release()).release();
const packetReader: PacketReader = packetPool.readFrom(process.stdin, { signal: AbortSignal.timeout(1) });
void (packetPool.getAsync({}) satisfies Promise<Packet>);
void align;
void [parts, lengths, packetReader.dropped, chain.writeTo(process.stdout, (error) => error?.message)];
const range: PooledBuffer = buffer.retainedSubarray(1, 2);
range.release();
// @ts-expect-error: max decides it
new PacketPool({ maxBytes: 2 });
// @ts-expect-error: packets are made by a pool
new Packet();
const objectOptions: ObjectPoolOptions<URL> = {
  create: async () => new URL('http://localhost'),
  destroy: (url) => url.href,
  validate: (url) => url.port === '',
  max: 10,
  order: 'fifo',
  leakDetection: 'full',
};
const objectPool: Pool & ObjectPool<URL> = new ObjectPool(objectOptions);
const url: URL = objectPool.get();
objectPool.put(url);
const used: number = objectPool.use(({ href }) => href.length);
void (objectPool.acquire({
  signal: AbortSignal.timeout(1),
  timeoutMs: 5,
  priority: 0,
}) satisfies Promise<URL>);
objectPool.on('leaseTimeout', ({ heldMs, stack }) => [heldMs + used, stack]);
const inObjects: number | undefined = objectPool.stats().objects?.inUse;
// @ts-expect-error: without a function that makes objects
new ObjectPool({ max: inObjects });
// @ts-expect-error: not of the kind that it lends
objectPool.put('text');

const generic = createPool({ create: async () => url, destroy: async () => {} }, { max: 2, fifo: false });
void (generic.acquire(1) satisfies Promise<URL>);
void (generic.use((resource) => resource.href) satisfies Promise<string>);
generic.on('factoryCreateError', console.error);
// @ts-expect-error: no such option
createPool({ create: async () => url, destroy: async () => {} }, { maxx: 2 });
const Place = record({ x: 'f32', y: 'f32' });
const LogEntry = record({
  time: 'f64',
  level: 'u8',
  id: 'u64',
  seen: 'bool',
  message: bytes(500),
  place: Place,
  path: array(Place, 4),
  counts: array('u16', 8),
});
type LogFields = (typeof LogEntry)['fields'];
const recordOptions: RecordPoolOptions<LogFields, 'time' | 'seen'> = { max: 10, columns: ['time', 'seen'] };
const recordPool = new RecordPool(LogEntry, recordOptions);
const anyRecords: Pool = recordPool;
const logEntry: RecordEntry<LogFields> = recordPool.get();
logEntry.time = 5;
logEntry.id = 5n;
logEntry.seen = true;
logEntry.message.write('text');
logEntry.place.x = logEntry.path[3]!.y;
logEntry.counts.set([1, 2]);
// @ts-expect-error: a number
logEntry.time = '5';
// @ts-expect-error: a bigint
logEntry.id = 5;
// @ts-expect-error: bytes are written to, not replaced
logEntry.message = Buffer.alloc(500);
// @ts-expect-error: no such field
logEntry.host = 5;
const handle: number = recordPool.handle(logEntry);
const maybe: RecordEntry<LogFields> | undefined = recordPool.tryAt(handle);
recordPool.put(recordPool.at(handle));
const times: Column<number, Float64Array> = recordPool.column('time');
const flags: Iterable<boolean> = recordPool.column('seen');
for (const { values, start, end } of times.runs()) values.subarray(start, end);
// @ts-expect-error: none of its columns
recordPool.column('level');
// @ts-expect-error: no field
new RecordPool(LogEntry, { columns: ['tim'] });
// @ts-expect-error: only numbers can be columns
new RecordPool(LogEntry, { columns: ['message'] });
const hooked = new RecordPool(LogEntry, { columns: ['time'], init: (entry) => void entry.message.fill(0) });
hooked.column('time');
// @ts-expect-error: did you mean f64
record({ time: 'f46' });
const reader: RecordReader<LogFields> = RecordPool.open('log', LogEntry);
const read: number = reader.at(handle).time;
// @ts-expect-error: read-only
reader.at(handle).time = 5;
export const recordTypes = { anyRecords, flags, maybe, read };
const ownCodec: Codec = {
  name: 'own',
  compress: async (bytes: Uint8Array) => bytes,
  decompress: (bytes: Uint8Array, length: number) => bytes.subarray(0, length),
};
const compressedOptions: CompressedPoolOptions = {
  hotBytes: 64 << 20,
  coldBytes: 1 << 30,
  codec: ownCodec,
  minRatio: 1.5,
  cpuBudget: 0.5,
  watermark: 0.7,
  onEvict: (handle: number, length: number) => void (handle + length),
  purgeDelayMs: 1000,
};
const compressed: Pool & CompressedPool = new CompressedPool(compressedOptions);
const compressedHandle: number = compressed.put(new Uint8Array(8));
const compressedBytes: Buffer = compressed.access(compressedHandle);
compressed.release(compressedHandle);
void (compressed.putAsync(compressedBytes, { signal: AbortSignal.timeout(1) }) satisfies Promise<number>);
const tiers: TierFigures = compressed.tiers();
// @ts-expect-error: there is no such codec
new CompressedPool({ codec: 'lz5' });
// @ts-expect-error: it has limits of its own
new CompressedPool({ maxBytes: 5 });
// @ts-expect-error: a handle is a number
compressed.release(compressedBytes);
export const compressedTypes = { isCold: compressed.isCold(compressedHandle), tiers };
const generationalOptions: GenerationalPoolOptions = {
  young: 64 << 20,
  old: 1 << 30,
  permanent: 0,
  promotion: { youngToOld: 2, oldToPermanent: 8, survival: 0.9 },
  maxBytes: 2 ** 31,
  zero: 'release',
};
const generational: Pool & GenerationalPool = new GenerationalPool(generationalOptions);
const valueHandle: number = generational.put(new Uint8Array(8));
const valueView: Buffer = generational.get(valueHandle);
const promotedHandle: number = generational.scope((scope: ValueScope) => scope.promote(scope.put(valueView)));
const collectOptions: CollectOptions = {
  budgetMs: 1,
  onProgress: (done: number, count: number) => void (done + count),
};
const isCollected: boolean = generational.collect(collectOptions);
const generations: GenerationsFigures = generational.generations();
generational.pin(promotedHandle) satisfies Buffer;
generational.unpin(promotedHandle);
generational.copyTo(promotedHandle, Buffer.alloc(8), 0) satisfies number;
void (generational.putAsync(valueView, { signal: AbortSignal.timeout(1) }) satisfies Promise<number>);
// @ts-expect-error: bytes, not text
generational.put('text');
// @ts-expect-error: it throws at its limit
new GenerationalPool({ onExhausted: 'fallback' });
// @ts-expect-error: a handle is a number
generational.get(valueView);
export const generationalTypes = { isCollected, generations };

const mappedOptions: MappedPoolOptions = {
  maxBytes: 1 << 20,
  sync: 'none',
  access: 'write',
  shared: true,
  sensitive: true,
  lockTimeoutMs: 1,
  checksums: true,
  key: (keyId: string) => Buffer.from(keyId),
  keyId: 'one',
  audit: new URL('file:///log'),
};
const mapped: MappedPool = MappedPool.open('file', mappedOptions);
mapped satisfies Pool;
const mappedBlock: MappedBuffer = mapped.transaction(() => mapped.alloc(8), { sync: 'full' });
const mappedHandle: number = mappedBlock.handle;
const mappedAgain: Buffer | undefined = mapped.tryAt(mappedHandle) ?? mapped.root('name');
mapped.setRoot('name', mappedBlock);
mapped.setRoot('name', null);
policy() satisfies string;
const fileCheck: FileCheck = mapped.verify();
fileCheck.damagedBlocks satisfies number;
const own: MappedPool = mapped;
const fileFigures: MappedPoolStats = own.stats();
const ofFile: FileStats = fileFigures.file;
void (mapped.allocAsync(10, { signal: AbortSignal.timeout(1) }) satisfies Promise<MappedBuffer>);
void (mapped.commitAsync({ sync: 'full' }) satisfies Promise<void>);
const backupOptions: BackupOptions = { progress: (done: number, total: number) => done / total };
void (mapped.backup('copy', backupOptions) satisfies Promise<number>);
void (MappedPool.restore('copy', new URL('file:///file')) satisfies Promise<number>);
const fileKey: FileKey = Buffer.alloc(32);
const restoreOptions: RestoreOptions = { audit: 'log', mode: 0o600 };
const rotationOptions: RotationOptions = {
  keyId: 'two',
  progress: (done: number, total: number) => done / total,
};
void (MappedPool.restore('copy', 'file', restoreOptions) satisfies Promise<number>);
void (mapped.rotateKey(Buffer.alloc(32), rotationOptions) satisfies Promise<number>);
mapped.isEncrypted satisfies boolean;
export const keyTypes = { fileKey };
// @ts-expect-error: a key is no string
MappedPool.open('file', { key: 'secret' });
const namedLock: NamedLock = mapped.lock('name', { shared: true, timeoutMs: 1 });
namedLock[Symbol.dispose]();
const changes: Changes = mapped.changes();
void (changes.wait(changes.count, { timeoutMs: 1 }) satisfies Promise<number>);
void (mapped.lockAsync('name', { signal: AbortSignal.timeout(1) }) satisfies Promise<NamedLock>);
mapped.destroy();
mapped.warm(3, 100, (done: number, count: number) => done + count);
mapped.on('leak', ({ what }) => what === 'view' || what === 'block');
const isGrowth = ({ event, durationNs }: FileMessage): boolean => event === 'grow' && durationNs > 0;
for (const entry of mapped.entries()) entry.free();
// @ts-expect-error: it is made by open()
new MappedPool('file');
// @ts-expect-error: no such level
mapped.commit({ sync: 'always' });
// @ts-expect-error: a number of bytes
mapped.allocAsync('10');
export const fileTypes = { mappedAgain, fileCheck, ofFile, isGrowth };
const cacheOptions: SharedCacheOptions = { path: 'file', maxBytes: 1 << 22, ttlMs: 1000, codec: 'deflate' };
const cache: SharedCache = SharedCache.open(cacheOptions);
const cached: Buffer | undefined = cache.get('key');
const cachedLength: number = cache.getInto('key', new Uint8Array(8));
const cachePage: CachePage | undefined = cache.pin('key');
const computed: Promise<Buffer> = cache.getOrCompute('key', async (key) => Buffer.from(key), {
  tags: ['tag'],
  waitMs: 5,
});
const cacheStats: SharedCacheStats = cache.stats();
const cacheHits: number = cacheStats.cache.hits;
// @ts-expect-error: it is made by open()
new SharedCache('file');
// @ts-expect-error: bytes, not text
cache.set('key', 'value');
// @ts-expect-error: tags are a list
cache.set('key', new Uint8Array(1), { tags: 'tag' });
export const cacheTypes = { cached, cachedLength, cachePage, computed, cacheHits };
const pageOptions: PageCacheOptions = { file: 'pages', checksums: 'crc32c', leakDetection: 'full' };
const pageCache: PageCache = PageCache.open(pageOptions);
const pinnedPage: Page = await pageCache.pin(1, { signal: AbortSignal.timeout(1) });
pinnedPage.buffer.writeUInt8(pinnedPage.no);
const scanned: ScanOptions = { from: 1, ring: 8 };
const pageScan: PageScan = pageCache.scan(scanned);
for (const page of pageScan) page.markDirty();
for await (const page of pageScan) page.release();
const pageFigures: PageCacheFigures = pageCache.figures();
// @ts-expect-error: pageSize is a number
PageCache.open({ file: 'pages', pageSize: '4096' });
// @ts-expect-error: the cache decides on maxBytes
PageCache.open({ file: 'pages', maxBytes: 1 });
export const pageTypes = { pageFigures, count: pageCache.grow(1) };
const { pressure }: { pressure: PressureFigures } = processStats();
const level: 'none' | 'some' | 'critical' = pressure.level;
generational.on('pressure', ({ level, step, bytes, objects, reason }: PoolPressureMessage) => {
  // @ts-expect-error: a pool is told of pressure alone
  level === 'none';
  void `${step} ${reason} ${bytes + objects}`;
});
const onPressure = ({ before, text }: PressureMessage): string => before + text;
new RecordPool(record({ a: 'u8' }), { align: 64 });
// @ts-expect-error: a number
new RecordPool(record({ a: 'u8' }), { align: '64' });
export const pressureTypes = { level, onPressure };

const keyvStore: KeyvStore = new KeyvStoreDefault({ path: '/dev/shm/types.cache', maxBytes: 2 ** 21 });
const keyvEntry: KeyvStoreEntry = { key: 'a', value: 1, ttl: 5 };
void (keyvStore.setMany([keyvEntry]) satisfies Promise<void>);
void (keyvStore.getMany(['a']) satisfies Promise<unknown[]>);
const keyvKeys: string[] = [...keyvStore.cache.keys()];
const isOutOfDate: boolean = keyvStore.cache.tagVersion('a') > keyvStore.cache.tagVersion();
// @ts-expect-error: a cache, or where one is
new KeyvStore(keyvKeys.length);
const OwnHandler = createCacheHandler({ path: '/dev/shm/types.cache', ttlMs: isOutOfDate ? 1 : 2 });
const nextHandler: NextCacheHandler = new OwnHandler({ serverDistDir: '.next/server' });
new NextHandler({}).resetRequestCache();
void nextHandler.get('/').then((found) => found?.lastModified.toFixed());
// @ts-expect-error: no such option
createCacheHandler({ pth: '/dev/shm/types.cache' });
