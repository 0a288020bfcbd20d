import { tryOpenProcessSocket } from './process-socket.js';
import { respond } from './routes.js';
import { type Inspector, type InspectorOptions, serveInspector } from './server.js';

/**
 * Serves a page that shows the memory of this process, live: the map of superslabs and slabs, curves, leaks,
 * settings. It listens on this machine only, and only who has the URL, with its token, sees anything. It
 * never keeps the process alive. The pools of all threads are shown. It also opens the socket by which
 * `superslab stats` and `superslab inspect` find the process.
 *
 * @throws ERR_SUPERSLAB_PORT when the port is taken
 * @throws ERR_SUPERSLAB_OPTION for an impossible option
 *
 * @example
 * const inspector = await startInspector({ port: 9300 });
 * console.log(inspector.url);
 */
export async function startInspector(options: InspectorOptions = {}): Promise<Inspector> {
  const inspector = await serveInspector(options, respond);
  // For the command line, which does not know the URL. It stays when the page is closed.
  await tryOpenProcessSocket();
  return inspector;
}
