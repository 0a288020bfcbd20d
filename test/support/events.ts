// The inspector's stream as its page reads it.
import { get, type IncomingMessage } from 'node:http';

export interface SeenEvent {
  readonly event: string;
  readonly data: string;
  readonly json: any;
}

export interface MapFrame {
  readonly full: boolean;
  readonly at: number;
  readonly records: readonly MapRecord[];
}

export interface MapRecord {
  readonly index: number;
  readonly use: number;
  readonly pool: number;
  readonly flags: number;
  readonly run: number;
  readonly slices: readonly { tag: number; fullness: number; temperature: number }[];
}

/** As lib/inspector/types.ts says. */
export function decodeMap(data: string): MapFrame {
  const bytes = Buffer.from(data, 'base64');
  if (bytes[0] !== 1) throw new Error(`format ${bytes[0]}`);
  const step = bytes.readUInt16LE(2);
  const count = bytes.readUInt32LE(4);
  if (bytes.length !== 16 + step * count) throw new Error(`${bytes.length} bytes for ${count} records`);
  const records = Array.from({ length: count }, (_, i) => {
    const at = 16 + i * step;
    return {
      index: bytes.readUInt32LE(at),
      use: bytes[at + 4]!,
      pool: bytes[at + 5]!,
      flags: bytes[at + 6]!,
      run: bytes.readUInt32LE(at + 8),
      slices: Array.from({ length: 32 }, (_slice, s) => {
        const state = bytes[at + 13 + 2 * s]!;
        return { tag: bytes[at + 12 + 2 * s]!, fullness: state >> 4, temperature: state & 15 };
      }),
    };
  });
  return { full: bytes[1] === 1, at: bytes.readDoubleLE(8), records };
}

/** The events of a text that ends with a whole one. */
export function parseEvents(text: string): SeenEvent[] {
  return text
    .split('\n\n')
    .filter((part) => part !== '')
    .map((part) => {
      const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
      return { event, data, json: event === 'map' ? undefined : JSON.parse(data) };
    });
}

/** An open stream of events. */
export class EventReader {
  readonly seen: SeenEvent[] = [];
  #left = '';
  #look: () => void = () => {};

  private constructor(private readonly response: IncomingMessage) {
    response.setEncoding('utf8');
    response.on('error', () => {});
    response.on('data', (part: string) => {
      this.#left += part;
      const end = this.#left.lastIndexOf('\n\n');
      if (end === -1) return;
      this.seen.push(...parseEvents(this.#left.slice(0, end + 2)));
      this.#left = this.#left.slice(end + 2);
      this.#look();
    });
  }

  static open(url: string): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      get(url, (response) => resolve(new EventReader(response))).on('error', reject);
    });
  }

  get headers(): IncomingMessage['headers'] {
    return this.response.headers;
  }

  of(event: string): SeenEvent[] {
    return this.seen.filter((one) => one.event === event);
  }

  /** Waits for `condition`, which is looked at with each part that comes. */
  async until(condition: () => boolean, timeoutMs = 8000): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`not within ${timeoutMs} ms; saw ${this.seen.map(({ event }) => event)}`)),
        timeoutMs,
      );
      this.#look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#look = () => {};
        resolve();
      };
    });
  }

  close(): void {
    this.response.destroy();
  }
}
