// Packets against Buffers that are allocated and copied, and against a list of packets written by hand.
import { Lane } from '../../lib/cli/bench/lane.js';
import type { Turn } from '../../lib/cli/bench/turns.js';
import { sizeName } from '../buffers/cases.js';
import { median, spread } from '../support/numbers.js';
import type { MeasuredRow } from '../support/report.js';
import { interleave } from '../support/rounds.js';
import { BULK, PACKET_VARIANTS, type PacketCase } from './packet-loops.js';
import type { PoolBench } from './pool-bench.js';

const names: Record<PacketCase['kind'], (bytes: number) => string> = {
  bulk: (bytes) => `packet: get and free of ${sizeName(bytes)}, ${BULK} at a time`,
  offsets: () => 'packet: push or pull of 8 B',
  share: (bytes) => `packet: clone of ${sizeName(bytes)}, and its release`,
};

const units: Record<PacketCase['kind'], string> = {
  bulk: 'ns per packet',
  offsets: 'ns per operation',
  share: 'ns per packet',
};

async function packetRow(work: PacketCase, quick: boolean): Promise<MeasuredRow> {
  const module = new URL('./packet-lane.js', import.meta.url);
  const variants: readonly string[] = PACKET_VARIANTS[work.kind];
  const lanes = variants.map((name) => new Lane<Turn, number>(name, module, [name, JSON.stringify(work)]));
  try {
    const samples = await interleave(lanes, quick ? 2 : 15, { ms: quick ? 3 : 25 });
    const middle = (name: string) => median(samples.get(name)!);
    return {
      case: names[work.kind](work.bytes),
      unit: units[work.kind],
      superslab: middle('superslab'),
      peers: Object.fromEntries(variants.slice(1).map((name) => [name, middle(name)])),
      spread: spread(samples.get('superslab')!),
    };
  } finally {
    for (const lane of lanes) lane.close();
  }
}

export const packet: PoolBench = {
  async rows(quick) {
    const cases: readonly PacketCase[] = [
      { kind: 'bulk', bytes: 2048 },
      { kind: 'offsets', bytes: 2048 },
      { kind: 'share', bytes: 1500 },
      { kind: 'share', bytes: 64 * 1024 },
    ];
    const rows: MeasuredRow[] = [];
    for (const work of cases) rows.push(await packetRow(work, quick));
    return rows;
  },
  notes: [
    'List: an array of objects with a Buffer and two offsets, pop() and push(). packet.copy: a packet of its own with the same bytes.',
  ],
};
