import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeFrameHeader } from '../examples/log-server/syslog/frame.ts';
import { Framer } from '../examples/log-server/syslog/framing.ts';

interface Found {
  text: string;
  piece: boolean;
}

/** Feeds a stream in chunks, as a connection does: bytes are looked at again until they make a message. */
function frames(chunks: Buffer[], maxMessage = 1000): Found[] {
  const framer = new Framer(maxMessage);
  const found: Found[] = [];
  // Bytes of earlier times behind the limit must not matter.
  const bytes = Buffer.alloc(chunks.reduce((sum, chunk) => sum + chunk.length, 0) + 64, '\n7 <0>old');
  const take = () =>
    found.push({ text: bytes.toString('latin1', framer.start, framer.end), piece: framer.piece });
  let at = 0;
  let filled = 0;
  for (const chunk of chunks) {
    filled += chunk.copy(bytes, filled);
    while (at < filled) {
      const next = framer.next(bytes, at, filled);
      if (next < 0) break;
      expect(next).toBeGreaterThan(at);
      take();
      at = next;
    }
  }
  if (framer.finish(bytes, at, filled)) take();
  return found;
}

function whole(...texts: string[]): Found[] {
  return texts.map((text) => ({ text, piece: false }));
}

function of(text: string, maxMessage?: number): Found[] {
  return frames([Buffer.from(text, 'latin1')], maxMessage);
}

function counted(text: string): string {
  const bytes = Buffer.alloc(16);
  return bytes.toString('latin1', 0, writeFrameHeader(bytes, 0, text.length)) + text;
}

describe('framing', () => {
  it('finds lines', () => {
    expect(of('<1>a\n<1>b\n')).toEqual(whole('<1>a', '<1>b'));
  });

  it('finds counted messages, with line feeds inside', () => {
    expect(of('4 <1>a6 <1>b\nc')).toEqual(whole('<1>a', '<1>b\nc'));
  });

  it('detects the framing of each message anew', () => {
    expect(of('4 <1>a<1>b\n5 <1>cc<1>d\n')).toEqual(whole('<1>a', '<1>b', '<1>cc', '<1>d'));
  });

  it('takes empty lines', () => {
    expect(of('\n\n<1>a\n')).toEqual(whole('', '', '<1>a'));
  });

  it.each(['0 x', '01 x', '12x', '1234567890 x', '12\t', '-1 x', '1.5 x'])('takes "%s" for text', (text) => {
    expect(of(`${text}\n`)).toEqual(whole(text));
  });

  it('makes what is left at the end a piece, without the count', () => {
    expect(of('<1>a\n<1>b')).toEqual([...whole('<1>a'), { text: '<1>b', piece: true }]);
    expect(of('10 <1>a')).toEqual([{ text: '<1>a', piece: true }]);
    expect(of('10 ')).toEqual([{ text: '10 ', piece: true }]);
    expect(of('10')).toEqual([{ text: '10', piece: true }]);
  });

  it('takes a line of exactly the longest length whole', () => {
    expect(of('12345\n'.replace('1', 'x'), 5)).toEqual(whole('x2345'));
  });

  it('cuts a longer line into pieces', () => {
    expect(of('abcdefghijkl\nmn\n', 5)).toEqual([
      { text: 'abcde', piece: true },
      { text: 'fghij', piece: true },
      { text: 'kl', piece: true },
      ...whole('mn'),
    ]);
  });

  it('cuts a longer counted message into pieces', () => {
    expect(of('12 abcdefghijkl2 mn', 5)).toEqual([
      { text: 'abcde', piece: true },
      { text: 'fghij', piece: true },
      { text: 'kl', piece: true },
      ...whole('mn'),
    ]);
  });

  it('keeps digits of a cut line that look like a count', () => {
    expect(of('abcde12 xyz\nq\n', 5)).toEqual([
      { text: 'abcde', piece: true },
      { text: '12 xy', piece: true },
      { text: 'z', piece: true },
      ...whole('q'),
    ]);
  });

  it('finds the same messages however the stream is split', () => {
    const text = fc.stringMatching(/^[<>a-z0-9 ]{1,20}$/);
    const message = fc.record({ text, counted: fc.boolean() });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), fc.infiniteStream(fc.nat(7)), (messages, cuts) => {
        // Text that begins with a digit goes with a count, as RFC 6587 wants it.
        const stream = messages
          .map((m) => (m.counted || /^[1-9]/.test(m.text) ? counted(m.text) : `${m.text}\n`))
          .join('');
        const chunks: Buffer[] = [];
        for (let at = 0; at < stream.length; ) {
          const length = cuts.next().value + 1;
          chunks.push(Buffer.from(stream.slice(at, at + length), 'latin1'));
          at += length;
        }
        expect(frames(chunks)).toEqual(whole(...messages.map((m) => m.text)));
      }),
      { numRuns: 1000 },
    );
  });

  it('loses no byte, whatever the stream, the splits and the limit', () => {
    const byte = fc.constantFrom(...Buffer.from('0123 <a\n'));
    fc.assert(
      fc.property(
        fc.array(fc.array(byte, { minLength: 1, maxLength: 9 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 12 }),
        (parts, maxMessage) => {
          const chunks = parts.map((part) => Buffer.from(part));
          const split = frames(chunks, maxMessage);
          expect(split).toEqual(frames([Buffer.concat(chunks)], maxMessage));
          for (const { text, piece } of split)
            if (!piece) expect(text.length).toBeLessThanOrEqual(maxMessage);
          // What framing takes away is counts, spaces and line feeds only.
          const letters = (s: string) => s.replace(/[^<a]/g, '');
          expect(letters(split.map(({ text }) => text).join(''))).toBe(
            letters(Buffer.concat(chunks).toString('latin1')),
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
