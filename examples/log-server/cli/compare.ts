import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Comparison, compare } from '../compare/compare.js';
import { renderTable } from '../compare/report.js';
import { DEFAULT_OPTIONS } from '../server/log-server.js';
import type { CommandLine } from './options.js';
import { scratchDirectory } from './scratch.js';
import { UsageError } from './usage-error.js';

/** Runs the comparison and prints it. */
export async function runComparison(line: CommandLine): Promise<void> {
  const scratch = scratchDirectory();
  const files = await Promise.all(
    line.files.map((file) => (file === '-' ? spoolStdin(scratch) : readable(file))),
  );
  const { archive: _, ...server } = DEFAULT_OPTIONS;
  const comparison = await compare({
    scratch,
    server: {
      ...server,
      receiveBuffer: line['receive-buffer'],
      maxMessage: line['max-message'],
      keepBytes: line.keep,
    },
    feeder: {
      files: files.length > 0 ? files : [shippedLog()],
      maxMessage: line['max-message'],
      distribution: { connections: line.connections, udpEvery: line['udp-every'] },
    },
    rate: line.rate || undefined,
    seconds: line.seconds,
    rounds: line.rounds,
    floodLines: line.lines,
  });
  print(line, comparison);
}

function print(line: CommandLine, { log, rate, rows }: Comparison): void {
  if (line.json) {
    console.log(
      JSON.stringify(
        { bench: 'log-server', node: process.version, log, rounds: line.rounds, rate, rows },
        null,
        2,
      ),
    );
    return;
  }
  console.log(renderTable(rows));
  console.log();
  console.log(
    `Node ${process.version}, ${log.lines} lines (${(log.bytes / 1e6).toFixed(1)} MB) over ${line.connections} TCP connections and UDP, medians of ${line.rounds} rounds.`,
  );
  console.log(
    `Throughput: as fast as the server takes them. Latency: from send to archive at ${Math.round(rate)} lines/s.`,
  );
  console.log(
    '/tail after kill -9: from the first line of the module of the server that is started again; without a file it reads its archive again.',
  );
  if (log.unparsed > 0) console.log(`${log.unparsed} lines are not syslog; they are archived as they are.`);
  if (log.cut > 0) console.log(`${log.cut} lines were longer than --max-message and sent in pieces.`);
  console.log('Every line sent is in the archive, byte for byte.');
}

/** The log that comes with the example. This file runs from the build, the log lies with the sources. */
function shippedLog(): string {
  return fileURLToPath(new URL('../../../../examples/log-server/data/server-log.log.gz', import.meta.url));
}

/** Finds out now, and not in another process, that a file cannot be read. */
async function readable(file: string): Promise<string> {
  try {
    await (await open(file)).close();
    return file;
  } catch (error) {
    throw new UsageError(`cannot read "${file}": ${(error as Error).message}`);
  }
}

async function spoolStdin(directory: string): Promise<string> {
  const path = join(directory, 'stdin.log');
  await writeFile(path, await buffer(process.stdin));
  return path;
}
