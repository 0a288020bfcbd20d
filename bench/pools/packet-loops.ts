// What PacketPool is compared with, each as a loop of n operations.
import { type Packet, PacketPool } from 'superslab/pools';

export interface PacketCase {
  readonly kind: 'bulk' | 'offsets' | 'share';
  /** Bytes of data; of 'bulk' and 'offsets' the size of a packet. */
  readonly bytes: number;
}

export const PACKET_VARIANTS = {
  bulk: ['superslab', 'allocUnsafeSlow', 'list'],
  offsets: ['superslab', 'subarray', 'list'],
  share: ['superslab', 'packet.copy', 'allocUnsafeSlow'],
} as const;

export type PacketVariant = (typeof PACKET_VARIANTS)[PacketCase['kind']][number];

type Run = (n: number) => void;

/** Packets that are got, and then freed, at a time. */
export const BULK = 64;
const HEADROOM = 128;

/** What the loops read ends here and can be read elsewhere, so that none of it can be left out. */
export let sink = 0;

/** What a program writes that has no PacketPool: a Buffer and two offsets, kept in an array. */
interface ListPacket {
  readonly buf: Buffer;
  head: number;
  tail: number;
}

class PacketList {
  readonly #free: ListPacket[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  get(): ListPacket {
    const packet = this.#free.pop() ?? { buf: Buffer.allocUnsafeSlow(this.#size), head: 0, tail: 0 };
    packet.head = HEADROOM;
    packet.tail = HEADROOM;
    return packet;
  }

  put(packet: ListPacket): void {
    this.#free.push(packet);
  }
}

/** Gets `BULK` of something and lets them go, again and again. */
function inBulk<Item>(get: () => Item, put: (item: Item) => void, length: (item: Item) => number): Run {
  const items: Item[] = [];
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i += BULK) {
      for (let k = 0; k < BULK; k++) items[k] = get();
      sum += length(items[0]!);
      for (let k = 0; k < BULK; k++) put(items[k]!);
    }
    sink += sum;
  };
}

function bulkLoop(variant: PacketVariant, size: number): Run {
  if (variant === 'allocUnsafeSlow') {
    const drop = () => {};
    return inBulk(
      () => Buffer.allocUnsafeSlow(size),
      drop,
      (buf) => buf.length,
    );
  }
  if (variant === 'list') {
    const list = new PacketList(size);
    return inBulk(
      () => list.get(),
      (packet) => list.put(packet),
      ({ head }) => head,
    );
  }
  const pool = new PacketPool({ name: 'packets', size, headroom: HEADROOM, initial: BULK });
  const packets: Packet[] = [];
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i += BULK) {
      pool.getBulk(BULK, packets);
      sum += packets[0]!.length;
      pool.freeBulk(packets);
    }
    sink += sum;
  };
}

/** A header of 8 bytes is put in front and taken off again: two operations. */
function offsetsLoop(variant: PacketVariant, size: number): Run {
  if (variant === 'subarray') {
    const whole = Buffer.allocUnsafeSlow(size);
    let data: Buffer = whole.subarray(HEADROOM);
    return (n) => {
      let sum = 0;
      for (let i = 0; i < n; i += 2) {
        data = whole.subarray(HEADROOM - 8);
        sum += data.length;
        data = data.subarray(8);
      }
      sink += sum + data.length;
    };
  }
  if (variant === 'list') {
    const packet = new PacketList(size).get();
    return (n) => {
      let sum = 0;
      for (let i = 0; i < n; i += 2) {
        if (packet.head >= 8) packet.head -= 8;
        sum += packet.tail - packet.head;
        if (packet.tail - packet.head >= 8) packet.head += 8;
      }
      sink += sum;
    };
  }
  const packet = new PacketPool({ name: 'packets', size, headroom: HEADROOM }).get().put(100);
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i += 2) {
      sum += packet.push(8).length;
      packet.pull(8);
    }
    sink += sum;
  };
}

/** One more packet with the same bytes, which then is let go. */
function shareLoop(variant: PacketVariant, bytes: number): Run {
  const data = Buffer.alloc(bytes, 'x');
  if (variant === 'allocUnsafeSlow') {
    return (n) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const copy = Buffer.allocUnsafeSlow(bytes);
        copy.set(data);
        sum += copy.length;
      }
      sink += sum;
    };
  }
  const pool = new PacketPool({ name: 'packets', size: bytes + HEADROOM, headroom: HEADROOM });
  const packet = pool.from(data);
  const again = variant === 'superslab' ? () => packet.clone() : () => packet.copy();
  return (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const other = again();
      sum += other.length;
      other.release();
    }
    sink += sum;
  };
}

export function packetLoop(variant: PacketVariant, { kind, bytes }: PacketCase): Run {
  switch (kind) {
    case 'bulk':
      return bulkLoop(variant, bytes);
    case 'offsets':
      return offsetsLoop(variant, bytes);
    case 'share':
      return shareLoop(variant, bytes);
  }
}
