// What buffers do to the garbage collector: the same requests with superslab's buffers, with lists of Buffers written by hand, with Node's, and,
// for comparison, with none.

import { once } from '../lib/cli/bench/lane.js';
import type { GcReply, GcRequest, Variant } from './gc/server-lane.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';

const PEERS = ['free list', 'checked list', 'Buffer.allocUnsafe', 'Buffer.alloc'] as const;
const ORDER: readonly Variant[] = ['superslab', ...PEERS, 'no buffers'];
const MIB = 2 ** 20;

const MEASURES: readonly [name: string, unit: string, value: (reply: GcReply) => number][] = [
  ['major GCs', 'count', (reply) => reply.majorGcs],
  ['minor GCs', 'count', (reply) => reply.minorGcs],
  ['GC pauses, total', 'ms', (reply) => reply.pause],
  ['GC pause, longest', 'ms', (reply) => reply.longestPause],
  ['one request, p50', 'µs', (reply) => reply.p50],
  ['one request, p99.9', 'µs', (reply) => reply.p999],
  ['one request, longest', 'µs', (reply) => reply.longest],
  ['all requests', 'ms', (reply) => reply.milliseconds],
  ['RSS, peak', 'MiB', (reply) => reply.rssPeak / MIB],
  ['external memory, peak', 'MiB', (reply) => reply.externalPeak / MIB],
];

const options = benchOptions();
const requests = options.quick ? 40_000 : 400_000;
const module = new URL('./gc/server-lane.js', import.meta.url);

const replies = new Map<Variant, GcReply[]>(ORDER.map((variant) => [variant, []]));
for (let round = 0; round < (options.quick ? 1 : 5); round++) {
  for (const [turn] of ORDER.entries()) {
    const variant = ORDER[(turn + round) % ORDER.length]!;
    replies.get(variant)!.push(await once<GcRequest, GcReply>(variant, module, { variant, requests }));
  }
}

const rows: MeasuredRow[] = MEASURES.map(([name, unit, value]) => {
  const values = (variant: Variant) => replies.get(variant)!.map(value);
  return {
    case: name,
    unit,
    superslab: median(values('superslab')),
    peers: Object.fromEntries(PEERS.map((peer) => [peer, median(values(peer))])),
    baseline: median(values('no buffers')),
    spread: spread(values('superslab')),
  };
});
const count = (value: (reply: GcReply) => number) => median(replies.get('superslab')!.map(value));
rows.push({
  case: 'native calls for blocks',
  unit: 'per 1,000 requests',
  superslab: ((count((reply) => reply.refills) + count((reply) => reply.flushes)) * 1000) / requests,
  peers: {},
});
print('gc', rows, options, [
  `${requests.toLocaleString('en-US')} requests of three buffers each. Baseline: the same without buffers.`,
]);
