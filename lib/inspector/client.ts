import type { ServerResponse } from 'node:http';

/** Who has this much of what was sent still to read gets nothing more until it has read some of it. */
const MAX_UNREAD_BYTES = 4 << 20;

/** One page that listens. */
export class Client {
  /** It has missed frames of the map, or has had none yet: changes alone would mislead it. */
  needsFullMap = true;
  /** It has missed a turn. */
  hasMissed = false;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // A proxy that gathers the response would show nothing for minutes.
      'X-Accel-Buffering': 'no',
    });
    response.flushHeaders();
  }

  /** It reads slower than it is told. */
  get isBehind(): boolean {
    return this.#response.writableLength > MAX_UNREAD_BYTES;
  }

  /** An event as event() made it. */
  send(text: string): void {
    this.#response.write(text, 'latin1');
  }

  /** At once, also when it reads nothing. */
  end(): void {
    this.#response.destroy();
  }
}

/**
 * One server-sent event. Of characters beyond Latin-1 the bytes of their UTF-8 stand in it, so that a text
 * for several clients is encoded once.
 */
export function event(name: string, data: object | ArrayBuffer): string {
  if (data instanceof ArrayBuffer) return `event: ${name}\ndata: ${Buffer.from(data).toString('base64')}\n\n`;
  // JSON has no line breaks of its own.
  return `event: ${name}\ndata: ${Buffer.from(JSON.stringify(data)).toString('latin1')}\n\n`;
}
