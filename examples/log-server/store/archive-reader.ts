import { open } from 'node:fs/promises';
import { Framer } from '../syslog/framing.js';

const READ_BYTES = 1024 * 1024;
/** What the server cut is framed as it was cut, so no message here is longer than a server's --max-message can be. */
const MAX_MESSAGE = 64 * 1024 * 1024;

/**
 * Calls `visit` with each message of an archive, without its framing. An archive is what RFC 6587 puts on a wire, so
 * the framer that receives reads it too. Returns the number of messages; throws where the file ends inside one.
 */
export async function readArchive(
  path: string,
  visit: (bytes: Buffer, start: number, end: number) => void,
): Promise<number> {
  const framer = new Framer(MAX_MESSAGE);
  let buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  let filled = 0;
  let messages = 0;
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
      let at = 0;
      while (at < filled) {
        const next = framer.next(buffer, at, filled);
        if (next < 0) break;
        visit(buffer, framer.start, framer.end);
        messages++;
        at = next;
      }
      if (at === 0 && filled === buffer.length) {
        const larger = Buffer.allocUnsafeSlow(buffer.length * 2);
        buffer.copy(larger);
        buffer = larger;
      } else {
        buffer.copyWithin(0, at, filled);
        filled -= at;
      }
    }
  } finally {
    await file.close();
  }
  if (filled > 0) throw new Error(`${path}: ends inside a message (${filled} bytes)`);
  return messages;
}
