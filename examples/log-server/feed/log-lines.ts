import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const LF = 0x0a;

/** The lines of a log, as positions in its bytes. A line is what stands between line feeds, whatever it is. */
export class LogLines {
  readonly bytes: Buffer;
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  /** Lines that were longer than a message may be and count as several. */
  cut = 0;

  constructor(bytes: Buffer, maxMessage: number) {
    this.bytes = bytes;
    for (let at = 0; at < bytes.length; ) {
      const feed = bytes.indexOf(LF, at);
      const end = feed < 0 ? bytes.length : feed;
      this.#add(at, end, maxMessage);
      at = end + 1;
    }
  }

  /** Reads log files, one behind the other. Names that end in .gz are unpacked. */
  static read(files: string[], maxMessage: number): LogLines {
    const parts = files.map((file) => {
      const content = readFileSync(file);
      return file.endsWith('.gz') ? gunzipSync(content) : content;
    });
    const separated = parts.map((part) =>
      part.length === 0 || part[part.length - 1] === LF ? part : Buffer.concat([part, Buffer.of(LF)]),
    );
    return new LogLines(Buffer.concat(separated), maxMessage);
  }

  get length(): number {
    return this.starts.length;
  }

  line(number: number): Buffer {
    return this.bytes.subarray(this.starts[number], this.ends[number]);
  }

  /** A line that no message can hold is cut: the server would take it in the same pieces, but could not say so. */
  #add(start: number, end: number, maxMessage: number): void {
    if (end - start > maxMessage) this.cut++;
    let at = start;
    do {
      const next = Math.min(end, at + maxMessage);
      this.starts.push(at);
      this.ends.push(next);
      at = next;
    } while (at < end);
  }
}
