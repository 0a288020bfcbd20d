// A server without its sockets: requests hold buffers for a while, many at a time, and leave JavaScript
// garbage of their own, which is the same whatever the buffers are.

/** Where requests get their buffers. */
export interface Memory {
  readonly acquire: (size: number) => Uint8Array;
  readonly release: (buf: Uint8Array) => void;
}

/** Requests that are open at the same time. */
const OPEN = 256;
const RECEIVE_BYTES = 16 * 1024;
const HEADERS = [
  'POST /api/v1/records?tenant=acme&batch=17 HTTP/1.1',
  'host: records.example.com',
  'content-type: application/octet-stream',
  'x-request-id: 7f3c9a44-52f1-4dd0-9a8a-0d0f2c1b7e11',
  'accept-encoding: gzip, br',
  'user-agent: bench/1.0',
];
const HEAD = Buffer.from(`${HEADERS.join('\r\n')}\r\n\r\n`, 'latin1');

interface Request {
  headers: Record<string, string>;
  received: Uint8Array;
  body: Uint8Array;
  answer: Uint8Array;
}

/** Runs requests; each call of {@link step} ends the oldest of the open ones and begins a new one. */
export class Server {
  readonly #memory: Memory;
  readonly #open: (Request | undefined)[] = new Array(OPEN).fill(undefined);
  #next = 0;
  #random = 0x9e3779b9;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Returns a byte of the ended request's answer, so that nothing can be left out. */
  step(): number {
    // Not the oldest but one among the older half: lifetimes differ and overlap.
    const at = (this.#next++ + (this.#draw(OPEN) >>> 1)) % OPEN;
    const ended = this.#open[at];
    this.#open[at] = this.#begin();
    return ended === undefined ? 0 : this.#end(ended);
  }

  #begin(): Request {
    const { acquire } = this.#memory;
    const received = acquire(RECEIVE_BYTES);
    received.set(HEAD);
    const headers = parse(received, HEAD.length);
    const body = acquire(512 + this.#draw(32 * 1024));
    body.set(received.subarray(HEAD.length, HEAD.length + Math.min(body.length, 1024)));
    const answer = acquire(128 + this.#draw(4 * 1024));
    answer[0] = 1 + (body.length & 127);
    return { headers, received, body, answer };
  }

  #end({ headers, received, body, answer }: Request): number {
    const { release } = this.#memory;
    const result = answer[0]! + Object.keys(headers).length;
    release(received);
    release(body);
    release(answer);
    return result;
  }

  #draw(below: number): number {
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    return (this.#random >>> 8) % below;
  }
}

function parse(received: Uint8Array, length: number): Record<string, string> {
  const text = Buffer.prototype.latin1Slice.call(received, 0, length);
  const headers: Record<string, string> = {};
  for (const line of text.split('\r\n').slice(1)) {
    const colon = line.indexOf(': ');
    if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return headers;
}
