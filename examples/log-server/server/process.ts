/** A server in a process of its own, for the comparison: told what to be by its first argument, spoken to over IPC. */
import { openMemory } from '../memory/open.js';
import { Admin } from './admin.js';
import { LogServer } from './log-server.js';
import { ProcessWatch } from './process-stats.js';
import type { ServerJob, ServerReply, ServerRequest } from './protocol.js';

const job = JSON.parse(process.argv[2]!) as ServerJob;
const server = await LogServer.start(await openMemory(job.memory), job.options);
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
  tcpPort: server.tcpPort,
  udpPort: server.udpPort,
  httpPort,
  archive: server.archivePath,
});

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
