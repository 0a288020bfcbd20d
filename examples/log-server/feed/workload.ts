import { MAX_FRAME_HEADER, writeFrameHeader } from '../syslog/frame.js';
import type { LogLines } from './log-lines.js';

const LF = 0x0a;
/** Short logs are repeated to this many lines, so that a stream is long enough to be sent in large writes. */
const MIN_LINES = 20_000;
/** Longer lines go over TCP: a datagram has its limit. */
const MAX_DATAGRAM_LINE = 8 * 1024;

export type Framing = 'newline' | 'octet-counted';

/** What one TCP connection sends in one pass over the log: frames in one buffer. */
export interface TcpStream {
  framing: Framing;
  bytes: Buffer;
  /** Where each frame ends. */
  frameEnds: Uint32Array;
  /** Which line of the log each frame holds. */
  lines: Uint32Array;
}

export interface Workload {
  tcp: TcpStream[];
  /** The lines sent as datagrams in one pass. */
  udp: Uint32Array;
  /** Lines in one pass. */
  lines: number;
}

export interface Distribution {
  connections: number;
  /** One line in this many goes over UDP; 0: none. */
  udpEvery: number;
}

/** Deals the lines of a log out to connections, like cards, half of them with each framing, and some to UDP. */
export function dealOut(log: LogLines, { connections, udpEvery }: Distribution): Workload {
  if (log.length === 0) throw new Error('the log is empty: there is nothing to send');
  const total = log.length * Math.ceil(MIN_LINES / log.length);
  const hands: number[][] = Array.from({ length: connections }, () => []);
  const udp: number[] = [];
  for (let card = 0; card < total; card++) {
    const line = card % log.length;
    const length = log.ends[line]! - log.starts[line]!;
    if (udpEvery > 0 && card % udpEvery === 0 && length > 0 && length <= MAX_DATAGRAM_LINE) udp.push(line);
    else hands[card % connections]!.push(line);
  }
  const tcp = hands.map((hand, index) => frame(log, hand, index % 2 === 0 ? 'newline' : 'octet-counted'));
  return { tcp, udp: Uint32Array.from(udp), lines: total };
}

function frame(log: LogLines, lines: number[], framing: Framing): TcpStream {
  const size = lines.reduce((sum, line) => sum + log.ends[line]! - log.starts[line]! + MAX_FRAME_HEADER, 0);
  const bytes = Buffer.allocUnsafeSlow(size);
  const frameEnds = new Uint32Array(lines.length);
  let at = 0;
  lines.forEach((line, index) => {
    const start = log.starts[line]!;
    const end = log.ends[line]!;
    if (framing === 'octet-counted' || looksCounted(log.bytes, start, end)) {
      at = writeFrameHeader(bytes, at, end - start);
      at += log.bytes.copy(bytes, at, start, end);
    } else {
      at += log.bytes.copy(bytes, at, start, end);
      bytes[at++] = LF;
    }
    frameEnds[index] = at;
  });
  return { framing, bytes: bytes.subarray(0, at), frameEnds, lines: Uint32Array.from(lines) };
}

/** A line that begins with a digit could pass for an octet count, so it is sent with a real one (RFC 6587 3.4.1). */
function looksCounted(bytes: Buffer, start: number, end: number): boolean {
  return start < end && bytes[start]! >= 0x31 && bytes[start]! <= 0x39;
}
