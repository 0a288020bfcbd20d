// As much of a WebSocket client (RFC 6455) as Node's debugging port needs: Node 20 has none of its own.
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';

const OPCODE = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;
/** Far beyond what we ask for. */
const LONGEST_MESSAGE = 1 << 20;

/** A frame as clients send it: masked. */
export function encodeFrame(opcode: number, payload: Buffer, mask = randomBytes(4)): Buffer {
  const { length } = payload;
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | length])
      : length < 65_536
        ? Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | 127, 0, 0, 0, 0]), uint32(length)]);
  return Buffer.concat([head, mask, Buffer.from(payload.map((byte, i) => byte ^ mask[i & 3]!))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface Frame {
  readonly final: boolean;
  readonly opcode: number;
  readonly payload: Buffer;
  /** Bytes of `from` that it took. */
  readonly bytes: number;
}

/** The frame, as servers send it, that `from` begins with; undefined while it is not all there. */
export function decodeFrame(from: Buffer): Frame | undefined {
  if (from.length < 2) return undefined;
  let length = from[1]! & 127;
  let start = 2;
  if (length === 126) {
    if (from.length < 4) return undefined;
    length = from.readUInt16BE(2);
    start = 4;
  } else if (length === 127) {
    if (from.length < 10) return undefined;
    length = Number(from.readBigUInt64BE(2));
    start = 10;
  }
  if (length > LONGEST_MESSAGE) throw new Error(`a message of ${length} bytes`);
  if (from.length < start + length) return undefined;
  return {
    final: (from[0]! & 0x80) !== 0,
    opcode: from[0]! & 15,
    payload: from.subarray(start, start + length),
    bytes: start + length,
  };
}

/** Sends and receives texts. */
export class WebSocketClient {
  #left: Buffer = Buffer.alloc(0);
  #message: Buffer[] = [];

  private constructor(
    private readonly socket: Socket,
    head: Buffer,
    private readonly onText: (text: string) => void,
  ) {
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => socket.destroy());
    if (head.length > 0) this.#take(head);
  }

  /** Rejects when nobody listens there, or speaks something else. */
  static connect(url: string, onText: (text: string) => void): Promise<WebSocketClient> {
    const { hostname, port, pathname } = new URL(url);
    return new Promise((resolve, reject) => {
      const asking = request({
        host: hostname,
        port,
        path: pathname,
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
        },
      });
      asking.on('upgrade', (_response, socket, head) =>
        resolve(new WebSocketClient(socket as Socket, head, onText)),
      );
      asking.on('response', (response) => {
        response.resume();
        reject(new Error(`${url} answers ${response.statusCode}`));
      });
      asking.on('error', reject);
      asking.end();
    });
  }

  send(text: string): void {
    this.socket.write(encodeFrame(OPCODE.text, Buffer.from(text)));
  }

  /** Calls `listener` once the connection has ended, by whichever side. */
  onClose(listener: () => void): void {
    this.socket.once('close', listener);
  }

  /** Resolves when the connection has ended. */
  close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.socket.once('close', () => resolve()));
    if (this.socket.destroyed) return Promise.resolve();
    this.socket.end(encodeFrame(OPCODE.close, Buffer.alloc(0)));
    return ended;
  }

  #take(bytes: Buffer): void {
    this.#left = Buffer.concat([this.#left, bytes]);
    try {
      for (let frame = decodeFrame(this.#left); frame !== undefined; frame = decodeFrame(this.#left)) {
        this.#left = this.#left.subarray(frame.bytes);
        this.#handle(frame);
      }
    } catch {
      this.socket.destroy();
    }
  }

  #handle({ final, opcode, payload }: Frame): void {
    if (opcode === OPCODE.ping) this.socket.write(encodeFrame(OPCODE.pong, payload));
    if (opcode === OPCODE.close) this.socket.end();
    if (opcode !== OPCODE.text && opcode !== OPCODE.continuation) return;
    this.#message.push(payload);
    if (!final) return;
    const text = Buffer.concat(this.#message).toString('utf8');
    this.#message = [];
    this.onText(text);
  }
}
