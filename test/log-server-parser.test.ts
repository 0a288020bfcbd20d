import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Format } from '../examples/log-server/syslog/message.ts';
import { SyslogParser } from '../examples/log-server/syslog/parser.ts';
import { readStructuredData } from '../examples/log-server/syslog/structured-data.ts';

const NOW = new Date(2026, 0, 10, 12).getTime();

/** Parses a line and reads the fields out; bytes around it must not matter. */
function parse(line: string | Buffer) {
  const message = Buffer.from(line as string);
  const bytes = Buffer.concat([Buffer.from('<7>1 - a b - - - '), message, Buffer.from(' 7>]"')]);
  const start = bytes.indexOf(message);
  const parsed = new SyslogParser(() => NOW).parse(bytes, start, start + message.length);
  const text = (from: number, to: number) => bytes.toString('utf8', from, to);
  return {
    format: parsed.format,
    priority: parsed.priority,
    time: parsed.time,
    zone: parsed.zone,
    host: text(parsed.hostStart, parsed.hostEnd),
    app: text(parsed.appStart, parsed.appEnd),
    proc: text(parsed.procStart, parsed.procEnd),
    id: text(parsed.idStart, parsed.idEnd),
    data: text(parsed.dataStart, parsed.dataEnd),
    text: text(parsed.textStart, parsed.textEnd),
  };
}

function micros(iso: string, extra = 0): number {
  return Date.parse(iso) * 1000 + extra;
}

describe('RFC 5424', () => {
  it('reads example 1 of section 6.5: no structured data, a byte order mark', () => {
    const line =
      "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8";
    expect(parse(line)).toEqual({
      format: Format.rfc5424,
      priority: 34,
      time: micros('2003-10-11T22:14:15.003Z'),
      zone: 0,
      host: 'mymachine.example.com',
      app: 'su',
      proc: '',
      id: 'ID47',
      data: '',
      text: "'su root' failed for lonvick on /dev/pts/8",
    });
  });

  it('reads example 2: microseconds and a zone', () => {
    const parsed = parse(
      "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.",
    );
    expect(parsed).toMatchObject({ host: '192.0.2.1', app: 'myproc', proc: '8710', id: '', zone: -420 });
    expect(parsed.time).toBe(micros('2003-08-24T12:14:15.000Z', 3));
    expect(parsed.text).toBe("%% It's time to make the do-nuts.");
  });

  it('reads example 3: structured data', () => {
    const data = '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]';
    const parsed = parse(
      `<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ${data} \ufeffAn application event log entry...`,
    );
    expect(parsed).toMatchObject({ data, text: 'An application event log entry...' });
    expect(readStructuredData(parsed.data)).toEqual({
      'exampleSDID@32473': { iut: '3', eventSource: 'Application', eventID: '1011' },
    });
  });

  it('reads example 4: structured data only', () => {
    const data =
      '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]';
    const parsed = parse(`<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 ${data}`);
    expect(parsed).toMatchObject({ format: Format.rfc5424, data, text: '' });
    expect(Object.keys(readStructuredData(parsed.data))).toEqual([
      'exampleSDID@32473',
      'examplePriority@32473',
    ]);
  });

  it('takes NILVALUE in every field', () => {
    expect(parse('<0>1 - - - - - -')).toEqual({
      format: Format.rfc5424,
      priority: 0,
      time: Number.NaN,
      zone: 0,
      host: '',
      app: '',
      proc: '',
      id: '',
      data: '',
      text: '',
    });
  });

  it.each([
    ['1985-04-12T23:20:50.52Z', micros('1985-04-12T23:20:50.520Z')],
    ['1985-04-12T19:20:50.52-04:00', micros('1985-04-12T23:20:50.520Z')],
    ['2003-08-24T05:14:15.000003-07:00', micros('2003-08-24T12:14:15.000Z', 3)],
    ['2024-02-29T00:00:00Z', micros('2024-02-29T00:00:00Z')],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['2026-01-01T00:00:00+14:00', micros('2025-12-31T10:00:00Z')],
  ])('takes the timestamp %s', (time, expected) => {
    expect(parse(`<1>1 ${time} h a p i -`)).toMatchObject({ format: Format.rfc5424, time: expected });
  });

  it.each([
    '2003-08-24T05:14:15.000000003-07:00', // the RFC's own example of too much precision
    '2003-08-24T05:14:15.Z',
    '2003-08-24t05:14:15Z',
    '2003-08-24T05:14:15z',
    '2003-08-24 05:14:15Z',
    '2003-08-24T05:14:60Z',
    '2003-08-24T24:00:00Z',
    '2003-13-24T05:14:15Z',
    '2003-02-29T05:14:15Z',
    '2003-00-24T05:14:15Z',
    '2003-08-24T05:14:15',
    '2003-08-24T05:14:15+24:00',
    '2003-08-24T05:14:15+0700',
    '03-08-24T05:14:15Z',
  ])('refuses the timestamp %s', (time) => {
    expect(parse(`<1>1 ${time} h a p i - text`)).toMatchObject({
      format: Format.unparsed,
      time: Number.NaN,
      text: `<1>1 ${time} h a p i - text`,
    });
  });

  it.each([
    ['a header that ends early', '<1>1 - h a p'],
    ['a header without structured data', '<1>1 - h a p i'],
    ['two spaces in the header', '<1>1 - h  a p i -'],
    ['a host name that is too long', `<1>1 - ${'h'.repeat(256)} a p i -`],
    ['an application name that is too long', `<1>1 - h ${'a'.repeat(49)} p i -`],
    ['a process id that is too long', `<1>1 - h a ${'p'.repeat(129)} i -`],
    ['a message id that is too long', `<1>1 - h a p ${'i'.repeat(33)} -`],
    ['a host name that is not ASCII', '<1>1 - hôte a p i -'],
    ['text instead of structured data', '<1>1 - h a p i text'],
    ['text right behind structured data', '<1>1 - h a p i [x]text'],
    ['an open element', '<1>1 - h a p i [x a="b"'],
    ['an open value', '<1>1 - h a p i [x a="b]'],
    ['a value without quotes', '<1>1 - h a p i [x a=b]'],
    ['an unescaped bracket', '<1>1 - h a p i [x a="]"]'],
    ['an element without a name', '<1>1 - h a p i []'],
    ['a parameter without a name', '<1>1 - h a p i [x ="b"]'],
    ['a name that is too long', `<1>1 - h a p i [${'x'.repeat(33)}]`],
  ])('calls %s unparsed', (_, line) => {
    expect(parse(line)).toMatchObject({ format: Format.unparsed, text: line, host: '' });
  });

  it('unescapes quotes, backslashes and brackets, and no others', () => {
    const { data } = parse(String.raw`<1>1 - h a p i [x a="\"q\" \\ \] \n" b=""] t`);
    expect(readStructuredData(data)).toEqual({ x: { a: String.raw`"q" \ ] \n`, b: '' } });
  });

  it('reads back whatever was written', () => {
    const field = (max: number) =>
      fc.stringMatching(new RegExp(`^[!-~]{1,${max}}$`)).filter((text) => text !== '-');
    const nilOr = (max: number) => fc.oneof(fc.constant('-'), field(max));
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 191 }),
        fc.integer({ min: 0, max: 4e15 }),
        nilOr(255),
        nilOr(48),
        nilOr(128),
        nilOr(32),
        fc.string({ unit: 'grapheme' }),
        (priority, time, host, app, proc, id, content) => {
          const iso = `${new Date(Math.floor(time / 1000)).toISOString().slice(0, -1)}${String(time % 1000).padStart(3, '0')}Z`;
          const parsed = parse(`<${priority}>1 ${iso} ${host} ${app} ${proc} ${id} - ${content}`);
          expect(parsed.format).toBe(Format.rfc5424);
          expect(parsed).toMatchObject({ priority, time });
          const nil = (text: string) => (text === '-' ? '' : text);
          expect([parsed.host, parsed.app, parsed.proc, parsed.id]).toEqual([host, app, proc, id].map(nil));
          expect(parsed.text).toBe(content.replace(/^\ufeff/, '').replace(/[\r\n\0]+$/, ''));
        },
      ),
    );
  });
});

describe('RFC 3164', () => {
  const local = (...args: [number, number, number, number, number, number]) =>
    new Date(...args).getTime() * 1000;

  it('reads example 1 of section 5.4', () => {
    expect(parse("<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8")).toEqual({
      format: Format.rfc3164,
      priority: 34,
      time: local(2025, 9, 11, 22, 14, 15),
      zone: 0,
      host: 'mymachine',
      app: 'su',
      proc: '',
      id: '',
      data: '',
      text: "'su root' failed for lonvick on /dev/pts/8",
    });
  });

  it('reads example 2: no header at all', () => {
    expect(parse('Use the BFG!')).toMatchObject({
      format: Format.unparsed,
      priority: 13,
      text: 'Use the BFG!',
    });
  });

  it('reads example 3: a zone in the place of the host', () => {
    expect(
      parse("<165>Aug 24 05:34:00 CST 1987 mymachine myproc[10]: %% It's time to make the do-nuts. %%"),
    ).toMatchObject({
      time: local(2025, 7, 24, 5, 34, 0),
      host: 'CST',
      app: '',
      text: "1987 mymachine myproc[10]: %% It's time to make the do-nuts. %%",
    });
  });

  it("reads example 4: not RFC 3164's timestamp, so all is content", () => {
    const content =
      "1990 Oct 22 10:52:01 TZ-6 scapegoat.dmz.example.org 10.1.2.3 sched[0]: That's All Folks!";
    expect(parse(`<0>${content}`)).toMatchObject({
      format: Format.rfc3164,
      priority: 0,
      time: Number.NaN,
      host: '',
      text: content,
    });
  });

  it.each([
    [
      '<13>Feb  5 17:32:18 10.0.0.99 cron[12]: done',
      { host: '10.0.0.99', app: 'cron', proc: '12', text: 'done' },
    ],
    [
      '<22>Jan  9 01:02:03 m1 postfix/smtpd[9]: x',
      { host: 'm1', app: 'postfix/smtpd', proc: '9', text: 'x' },
    ],
    ['<30>Jan 09 01:02:03 m1 a: x', { host: 'm1', app: 'a', text: 'x' }],
    ['<30>Jan  9 01:02:03 app: local sender', { host: '', app: 'app', text: 'local sender' }],
    ['<30>app[1]: no time', { host: '', app: 'app', proc: '1', text: 'no time' }],
    ['<30>Jan  9 01:02:03 m1 no tag here', { host: 'm1', app: '', text: 'no tag here' }],
    ['<30>Jan  9 01:02:03 m1 open[1 x', { host: 'm1', app: '', proc: '', text: 'open[1 x' }],
    ['<30>Jan  9 01:02:03 m1 a:', { host: 'm1', app: 'a', text: '' }],
    ['<30>Jan  9 01:02:03', { host: '', app: '', text: 'Jan  9 01:02:03' }],
    ['<30>', { host: '', text: '' }],
    ['<30>2 is no version we know', { format: Format.rfc3164, text: '2 is no version we know' }],
  ])('reads %s', (line, expected) => {
    expect(parse(line)).toMatchObject({ format: Format.rfc3164, ...expected });
  });

  it('takes an RFC 3339 timestamp in the place of the old one', () => {
    expect(parse('<30>2026-01-09T01:02:03.5+02:00 m1 a[2]: x')).toMatchObject({
      format: Format.rfc3164,
      time: micros('2026-01-08T23:02:03.500Z'),
      zone: 120,
      host: 'm1',
      app: 'a',
      proc: '2',
      text: 'x',
    });
  });

  it('chooses the year that brings the time nearest to now', () => {
    expect(parse('<1>Dec 31 23:59:59 h a: x').time).toBe(local(2025, 11, 31, 23, 59, 59));
    expect(parse('<1>Jan 11 00:00:00 h a: x').time).toBe(local(2026, 0, 11, 0, 0, 0));
  });

  it.each([
    'Foo 11 22:14:15',
    'Oct 32 22:14:15',
    'Feb 30 22:14:15',
    'Oct 11 24:14:15',
    'Oct 11 22:60:15',
    'Oct 0 22:14:15',
  ])('takes no time from %s', (time) => {
    expect(parse(`<1>${time} h a: x`)).toMatchObject({ format: Format.rfc3164, time: Number.NaN });
  });
});

describe('priority', () => {
  it.each([0, 7, 13, 99, 191])('takes <%d>', (priority) => {
    expect(parse(`<${priority}>x`)).toMatchObject({ format: Format.rfc3164, priority });
  });

  it.each([
    '<192>x',
    '<999>x',
    '<1000>x',
    '<>x',
    '<-1>x',
    '<01>x',
    '<00>x',
    '<1x',
    '<1',
    '<',
    '',
    '1>x',
    ' <1>x',
  ])('refuses "%s"', (line) => {
    expect(parse(line)).toMatchObject({ format: Format.unparsed, priority: 13, text: line });
  });
});

it('leaves line ends and NULs at the end out of the text', () => {
  expect(parse('<1>a: x\r\n').text).toBe('x');
  expect(parse('<1>a: x\0').text).toBe('x');
  expect(parse('<1>1 - h a p i -\r').format).toBe(Format.rfc5424);
});

it('stays inside the message, whatever the bytes', () => {
  const alphabet = fc.constantFrom(...Buffer.from('<>[]="\\- :1234567890TZ.+aJn\n\0\xff', 'latin1'));
  const parser = new SyslogParser(() => NOW);
  fc.assert(
    fc.property(
      fc.array(alphabet, { maxLength: 80 }),
      fc.constantFrom('', '<1>', '<1>1 ', '<1>1 - - - - - ', '<1>Jan  1 00:00:00 '),
      (tail, head) => {
        const body = Buffer.concat([Buffer.from(head), Buffer.from(tail)]);
        const bytes = Buffer.concat([Buffer.from('####'), body, Buffer.from('####')]);
        const m = parser.parse(bytes, 4, 4 + body.length);
        const ranges = [
          [m.hostStart, m.hostEnd],
          [m.appStart, m.appEnd],
          [m.procStart, m.procEnd],
          [m.idStart, m.idEnd],
          [m.dataStart, m.dataEnd],
          [m.textStart, m.textEnd],
        ];
        for (const [start, end] of ranges) {
          expect(start).toBeGreaterThanOrEqual(4);
          expect(end).toBeGreaterThanOrEqual(start!);
          expect(end).toBeLessThanOrEqual(4 + body.length);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
