// The inspector's stream as its page reads it.
import { get, type IncomingMessage } from 'node:http';
import { HEADER_BYTES, MAP_FORMAT, RECORD_BYTES, SLICES } from '../../dist/inspector/map-format.js';
import { MapFrame } from '../../dist/inspector/map-frame.js';

export interface SeenEvent {
  readonly event: string;
  readonly data: string;
  readonly json: any;
}

/** A frame of the map, with every record taken out of it. Throws when it is not exactly what its header announces. */
export function decodeMap(data: string) {
  const bytes = Buffer.from(data, 'base64');
  const frame = new MapFrame(bytes);
  const { announced, atMs, format, isFull, recordBytes } = frame;
  if (format !== MAP_FORMAT) throw new Error(`format ${format}`);
  if (recordBytes !== RECORD_BYTES || bytes.length !== HEADER_BYTES + recordBytes * announced) {
    throw new Error(`${bytes.length} bytes for ${announced} records of ${recordBytes}`);
  }
  const records = Array.from({ length: announced }, (_, n) => {
    const record = frame.record(n);
    const { index, use, pool, flags, span } = record;
    const slices = Array.from({ length: SLICES }, (_slice, slice) => ({
      tag: record.sentTag(slice),
      fullness: record.fullness(slice),
      temperature: record.temperature(slice),
    }));
    return { index, use, pool, flags, span, slices };
  });
  return { full: isFull, at: atMs, records };
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
