// Handing memory to a worker: by superslab's share token, by a copying postMessage, by transfer; and, as
// a baseline, a message that carries nothing.
import { Lane } from '../lib/cli/bench/lane.js';
import { median, spread } from './support/numbers.js';
import { benchOptions } from './support/options.js';
import { type MeasuredRow, print } from './support/report.js';
import type { HandOverReply, HandOverRequest } from './workers/sender-lane.js';
import { TRANSPORTS, type TransportName } from './workers/transports.js';

const SIZES: readonly [name: string, bytes: number][] = [
  ['64 KiB', 64 * 1024],
  ['1 MiB', 1024 * 1024],
];
const CONTENTS = { alone: 'hand-over alone', touch: 'written and read' } as const;
const IN_FLIGHT = 8;
const PEERS = TRANSPORTS.filter((name) => name !== 'superslab' && name !== 'empty message');

const options = benchOptions();
const rounds = options.quick ? 2 : 11;
const TURN_MS = options.quick ? 10 : 50;
const WARM_UP_MS = options.quick ? 20 : 500;
const module = new URL('./workers/sender-lane.js', import.meta.url);

type Replies = Map<TransportName, HandOverReply[]>;

async function measure(
  bytes: number,
  contents: keyof typeof CONTENTS,
): Promise<[flight: Replies, alone: Replies]> {
  const lanes = TRANSPORTS.map(
    (name) => new Lane<HandOverRequest, HandOverReply>(name, module, [name, String(bytes), contents]),
  );
  const empty = (): Replies => new Map(TRANSPORTS.map((name) => [name, []]));
  const flight = empty();
  const single = empty();
  try {
    for (let round = -1; round < rounds; round++) {
      // The first round is warm-up: both threads compile.
      const ms = round < 0 ? WARM_UP_MS : TURN_MS;
      for (const [turn] of lanes.entries()) {
        const lane = lanes[(turn + round + 1) % lanes.length]!;
        const many = await lane.call({ ms, inFlight: IN_FLIGHT });
        const one = await lane.call({ ms, inFlight: 1 });
        if (round < 0) continue;
        flight.get(lane.name as TransportName)!.push(many);
        single.get(lane.name as TransportName)!.push(one);
      }
    }
  } finally {
    for (const lane of lanes) lane.close();
  }
  return [flight, single];
}

function row(name: string, replies: Replies, value: (reply: HandOverReply) => number): MeasuredRow {
  const values = (transport: TransportName) => replies.get(transport)!.map((reply) => value(reply) / 1000);
  return {
    case: name,
    unit: 'µs/message',
    superslab: median(values('superslab')),
    peers: Object.fromEntries(PEERS.map((peer) => [peer, median(values(peer))])),
    baseline: median(values('empty message')),
    spread: spread(values('superslab')),
  };
}

const rows: MeasuredRow[] = [];
for (const [size, bytes] of SIZES) {
  for (const contents of ['alone', 'touch'] as const) {
    const [flight, single] = await measure(bytes, contents);
    const name = `${size}, ${CONTENTS[contents]}`;
    rows.push(
      row(`${name}, ${IN_FLIGHT} in flight`, flight, (reply) => reply.perMessage),
      row(`${name}, round trip`, single, (reply) => reply.perMessage),
      row(`${name}, one way`, single, (reply) => reply.oneWay),
    );
  }
}
print('workers', rows, options, [
  'Baseline: a message that carries nothing. Written and read: the sender writes all of it, the worker reads a byte of each page.',
]);
