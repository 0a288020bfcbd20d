import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../examples/log-server/cli/options.ts';
import type { LaneResult } from '../examples/log-server/compare/lane.ts';
import { median, renderTable, summarize } from '../examples/log-server/compare/report.ts';
import { Latencies } from '../examples/log-server/feed/latency.ts';
import { LogLines } from '../examples/log-server/feed/log-lines.ts';
import { dealOut } from '../examples/log-server/feed/workload.ts';
import { Framer } from '../examples/log-server/syslog/framing.ts';
import { Format } from '../examples/log-server/syslog/message.ts';
import { SyslogParser } from '../examples/log-server/syslog/parser.ts';

function lines(log: LogLines): string[] {
  return Array.from({ length: log.length }, (_, number) => log.line(number).toString());
}

describe('log lines', () => {
  it('are what stands between line feeds', () => {
    expect(lines(new LogLines(Buffer.from('a\n\nb\r\nc'), 100))).toEqual(['a', '', 'b\r', 'c']);
    expect(lines(new LogLines(Buffer.alloc(0), 100))).toEqual([]);
  });

  it('are cut where no message can hold them', () => {
    const log = new LogLines(Buffer.from('abcdefg\nhi\n'), 3);
    expect(lines(log)).toEqual(['abc', 'def', 'g', 'hi']);
    expect(log.cut).toBe(1);
  });

  it('come from several files, packed or not', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'log-server-test-'));
    const files = [join(directory, 'a.log'), join(directory, 'b.log.gz')];
    await writeFile(files[0]!, 'one\ntwo');
    await writeFile(files[1]!, gzipSync('three\n'));
    expect(lines(LogLines.read(files, 100))).toEqual(['one', 'two', 'three']);
    await rm(directory, { recursive: true });
  });
});

describe('workload', () => {
  it('deals every line out once, and frames it so that the server finds it', () => {
    const text = Array.from({ length: 20_000 }, (_, n) =>
      n % 5 === 0 ? `${n} starts with a digit` : `<1>line ${n}`,
    );
    text[7] = '';
    const log = new LogLines(Buffer.from(text.join('\n')), 1000);
    const workload = dealOut(log, { connections: 3, udpEvery: 10 });
    expect(workload.lines).toBe(20_000);
    const found = Array.from(workload.udp, (line) => log.line(line).toString());
    expect(found.length).toBe(2000);
    for (const { bytes, frameEnds, lines } of workload.tcp) {
      const framer = new Framer(1000);
      lines.forEach((line, index) => {
        const start = index === 0 ? 0 : frameEnds[index - 1]!;
        expect(framer.next(bytes, start, bytes.length)).toBe(frameEnds[index]);
        const message = bytes.toString('utf8', framer.start, framer.end);
        expect(message).toBe(log.line(line).toString());
        found.push(message);
      });
    }
    expect(found.sort()).toEqual([...text].sort());
  });

  it('repeats a short log', () => {
    const workload = dealOut(new LogLines(Buffer.from('a\nb\n'), 100), { connections: 2, udpEvery: 0 });
    expect(workload.lines).toBe(20_000);
    expect(workload.udp.length).toBe(0);
  });

  it('refuses an empty log', () => {
    const log = new LogLines(Buffer.alloc(0), 100);
    expect(() => dealOut(log, { connections: 1, udpEvery: 0 })).toThrow('the log is empty');
  });
});

describe('latency', () => {
  it('is from a mark to the first progress that covers it, weighed by lines', () => {
    const latencies = new Latencies();
    const progress = (messages: number, at: number) => ({ source: 'x', bytes: 0, messages, at });
    latencies.add(
      [
        { messages: 10, lines: 10, at: 100 },
        { messages: 90, lines: 80, at: 101 },
        { messages: 100, lines: 10, at: 102 },
      ],
      [progress(5, 101), progress(90, 103), progress(100, 112)],
    );
    expect(latencies.quantiles([0.5, 0.8, 0.9, 0.91, 1])).toEqual([2, 2, 3, 10, 10]);
  });

  it('does not make up what never arrived', () => {
    expect(() => new Latencies().add([{ messages: 1, lines: 1, at: 0 }], [])).toThrow('never archived');
  });
});

describe('report', () => {
  it('takes medians', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('says how many times better, whichever way better is', () => {
    const result = (value: number) => {
      const floods = [value, 10 * value, value].map((linesPerSecond) => ({ linesPerSecond }));
      return new Proxy({ floods }, { get: (target, name) => (name === 'floods' ? target.floods : value) });
    };
    const lane = (value: number) => result(value) as unknown as LaneResult;
    const rows = summarize({ superslab: [lane(200)], pooled: [lane(400)], plain: [lane(100)] }, 1000);
    expect(rows.find((row) => row.unit === 'lines/s')).toMatchObject({
      superslab: 200,
      peers: { pooled: 400, plain: 100 },
      ratios: { pooled: 0.5, plain: 2 },
    });
    expect(rows.find((row) => row.case === 'latency p99')!.ratios).toEqual({ pooled: 2, plain: 0.5 });
    expect(rows.find((row) => row.unit === 'MB/s')!.superslab).toBeCloseTo(0.2);
    const none = summarize({ superslab: [lane(0)], pooled: [lane(0)], plain: [lane(100)] }, 1000);
    expect(none.find((row) => row.case === 'major GCs')!.ratios).toEqual({ pooled: 1, plain: null });
    expect(renderTable(none)).toMatch(/major GCs +count +0 +0 +1\.00x +100 +all/);
  });
});

describe('command line', () => {
  it('has defaults', () => {
    expect(parseCommandLine([])).toMatchObject({
      files: [],
      json: false,
      serve: false,
      rounds: 3,
      memory: 'superslab',
      'receive-buffer': 256 * 1024,
      keep: 32 * 1024 ** 2,
    });
  });

  it('reads options and files', () => {
    expect(parseCommandLine(['a.log', '--rounds', '5', '--keep=1g', '-', '--', '--odd-name'])).toMatchObject({
      files: ['a.log', '-', '--odd-name'],
      rounds: 5,
      keep: 1024 ** 3,
    });
    expect(parseCommandLine(['-h']).help).toBe(true);
  });

  it.each([
    [['--round=3'], 'Unknown option "--round": did you mean "--rounds"?'],
    [['--tcpPort', '1'], 'Unknown option "--tcpPort": did you mean "--tcp-port"?'],
    [['-x'], 'Unknown option "-x": try --help'],
    [['--constructor'], 'Unknown option "--constructor": try --help'],
    [['--json=yes'], '--json takes no value'],
    [['--rounds'], '--rounds wants a value: N'],
    [['--rounds', '0'], '--rounds wants a whole number from 1 to 100, not "0"'],
    [['--rounds', ''], '--rounds wants a whole number from 1 to 100, not ""'],
    [['--keep', '1.5m'], '--keep wants a size like 64k or 32m, from 0 to 1099511627776 bytes, not "1.5m"'],
    [['--serve', '--memory', 'fast'], '--memory wants superslab or pooled or plain, not "fast"'],
    [['--tcp-port', '1'], '--tcp-port is for --serve'],
    [['--serve', '--json'], '--json has no meaning with --serve'],
    [['--serve', 'a.log'], '--serve takes no files: send them to its port'],
    [['--cat'], '--cat wants the archives to print'],
  ])('%j: %s', (args, message) => {
    expect(() => parseCommandLine(args)).toThrow(message);
  });
});

it('ships a log of real lines, all of them syslog in one of the two formats', () => {
  const log = LogLines.read(['examples/log-server/data/server-log.log.gz'], 32 * 1024);
  expect(log.length).toBeGreaterThanOrEqual(20_000);
  const parser = new SyslogParser();
  const formats = [0, 0, 0];
  for (let line = 0; line < log.length; line++) {
    const { format } = parser.parse(log.bytes, log.starts[line]!, log.ends[line]!);
    formats[format]!++;
  }
  expect(formats[Format.unparsed]).toBe(0);
  expect(formats[Format.rfc3164]).toBeGreaterThan(10_000);
  expect(formats[Format.rfc5424]).toBeGreaterThan(10_000);
});
