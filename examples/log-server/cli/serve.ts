import type { Inspector } from 'superslab/inspector';
import { openMemory } from '../memory/open.js';
import { Admin } from '../server/admin.js';
import { DEFAULT_OPTIONS, LogServer } from '../server/log-server.js';
import type { Store } from '../store/store.js';
import { openInBrowser } from './browser.js';
import type { CommandLine } from './options.js';

/** Listens until the process is interrupted, then closes in order: what was received is in the archive. */
export async function serve(line: CommandLine): Promise<void> {
  const start = performance.now();
  const options = {
    ...DEFAULT_OPTIONS,
    host: line.host,
    tcpPort: line['tcp-port'],
    udpPort: line['udp-port'],
    archive: line.archive,
    receiveBuffer: line['receive-buffer'],
    maxMessage: line['max-message'],
    keepBytes: line.keep,
  };
  const server = await LogServer.start(await openMemory(line.memory), options, await store(line));
  const admin = new Admin(server);
  const httpPort = await admin.listen(line.host, line['http-port']);
  const startedMs = performance.now() - start;
  const inspector = await inspect(line);
  console.log(`syslog over TCP  ${line.host}:${server.tcpPort}`);
  console.log(`syslog over UDP  ${line.host}:${server.udpPort}`);
  console.log(`HTTP             http://${line.host}:${httpPort}/tail`);
  if (inspector !== undefined) console.log(`inspector        ${inspector.url}`);
  console.log(`archive          ${server.archivePath}`);
  console.log(`entries          ${server.status().recentEntries}, after ${Math.round(startedMs)} ms`);
  console.log(`memory           ${line.memory}`);
  if (inspector !== undefined && !line['no-open'] && process.stdout.isTTY) openInBrowser(inspector.url);

  const failure = await new Promise<Error | undefined>((resolve) => {
    process.once('SIGINT', () => resolve(undefined));
    process.once('SIGTERM', () => resolve(undefined));
    server.once('error', resolve);
  });
  admin.close();
  await inspector?.close();
  await server.close();
  const { messages, unparsed, archivedBytes, droppedDatagrams } = server.status();
  console.log(
    `${messages} messages (${unparsed} not syslog), ${archivedBytes} bytes archived, ${droppedDatagrams} datagrams dropped`,
  );
  if (failure !== undefined) throw failure;
}

/** On superslab what the server knows is in a file, and outlives it. */
async function store(line: CommandLine): Promise<Store | undefined> {
  if (line.memory !== 'superslab') return undefined;
  const { openState } = await import('../store/state.js');
  return openState(line.archive, line.keep, line['max-message']);
}

/** Plain buffers have nothing to look at; with them not even the code of superslab is loaded. */
async function inspect(line: CommandLine): Promise<Inspector | undefined> {
  if (line.memory !== 'superslab') return undefined;
  const { startInspector } = await import('superslab/inspector');
  return startInspector({ port: line['inspector-port'] });
}
