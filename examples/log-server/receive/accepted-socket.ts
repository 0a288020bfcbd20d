import { Socket } from 'node:net';

/** What a socket does with bytes: `buffer` says where the next read goes, `read` is told how many bytes came. */
export interface ReadInto {
  buffer(): Uint8Array;
  /** Return false to stop reading; `socket.resume()` goes on. */
  read(length: number): boolean;
}

/** The part of Node's stream handles that is needed here. */
interface Handle {
  useUserBuffer?: unknown;
}

/**
 * Lets an accepted connection read into buffers of our own choice, so that bytes go from the kernel to pooled memory
 * and nowhere else.
 *
 * Node can do that for sockets which connect (`net.connect({ onread })`), but net.Server has no such option for those it
 * accepts. Both are the same handle inside, and net.Socket's constructor takes a handle: so the accepted socket's is moved
 * to a new Socket with `onread`. `_handle` and `handle` are old (http2, tls and cluster build on them) but
 * undocumented; tested on Node 20, 22, 24 and 26. Where they are missing, bytes are copied once, see below.
 *
 * The server must have been created with `pauseOnConnect`: else a read into Node's own memory has already begun.
 * The returned socket is flowing and reports `end`, `close` and `error` like any other.
 */
export function readInto(accepted: Socket, target: ReadInto): Socket {
  const handle = (accepted as unknown as { _handle: Handle | null })._handle;
  if (typeof handle?.useUserBuffer !== 'function') return copyInto(accepted, target);

  // Without its handle the accepted socket is an empty shell; destroying it lets the server stop counting it.
  (accepted as unknown as { _handle: null })._handle = null;
  accepted.destroy();
  const options = {
    handle,
    allowHalfOpen: true,
    onread: { buffer: () => target.buffer(), callback: (length: number) => target.read(length) },
  };
  return new Socket(options as ConstructorParameters<typeof Socket>[0]);
}

/** The fallback: Node reads into memory of its own and we copy. */
function copyInto(accepted: Socket, target: ReadInto): Socket {
  accepted.on('data', (chunk: Buffer) => {
    let goOn = true;
    for (let at = 0; at < chunk.length; ) {
      const room = target.buffer();
      const length = Math.min(room.length, chunk.length - at);
      room.set(chunk.subarray(at, at + length));
      goOn = target.read(length) && goOn;
      at += length;
    }
    if (!goOn) accepted.pause();
  });
  return accepted.resume();
}
