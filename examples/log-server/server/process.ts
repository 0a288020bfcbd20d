/** A server in a process of its own, for the comparison: told what to be by its first argument, spoken to over IPC. */
import type { Memory } from '../memory/memory.js';
import { openMemory } from '../memory/open.js';
import { memoryStore, type Store } from '../store/store.js';
import { Admin } from './admin.js';
import { LogServer } from './log-server.js';
import { monotonicMs } from './monotonic.js';
import { ProcessWatch } from './process-stats.js';
import type { ServerJob, ServerReply, ServerRequest } from './protocol.js';

const startedAt = monotonicMs();
const job = JSON.parse(process.argv[2]!) as ServerJob;
const memory = await openMemory(job.memory);
const store = job.remembers ? await remembering(memory) : undefined;
const server = await LogServer.start(memory, job.options, store);
server.on('error', (error) => {
  console.error(`archive: ${error.message}`);
  process.exit(1);
});
const admin = new Admin(server);
const httpPort = await admin.listen(job.options.host, 0);
const watch = new ProcessWatch();

process.on('message', (request: ServerRequest) => {
  if (request.type === 'stats') reply({ type: 'stats', process: watch.read(), status: server.status() });
  else void close();
});
// The comparison is gone: so are we.
process.on('disconnect', () => process.exit(1));

reply({
  type: 'ready',
  startedAt,
  tcpPort: server.tcpPort,
  udpPort: server.udpPort,
  httpPort,
  archive: server.archivePath,
});

async function remembering(memory: Memory): Promise<Store> {
  const { archive, keepBytes, maxMessage } = job.options;
  if (job.memory === 'superslab') {
    const { openState } = await import('../store/state.js');
    return openState(archive, keepBytes, maxMessage);
  }
  const { readAgain } = await import('../store/read-again.js');
  const store = memoryStore(memory, keepBytes);
  await readAgain(archive, memory, store.entries);
  return store;
}

async function close(): Promise<void> {
  watch.stop();
  admin.close();
  await server.close();
  reply({ type: 'closed' });
  process.removeAllListeners('disconnect');
  process.disconnect();
}

function reply(message: ServerReply): void {
  process.send!(message);
}
