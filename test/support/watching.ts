// What leak detection and guards report while tests run. Every test may be run with them on, whatever it is about
// (`npm run test:guards`), and none may leave a report, unless it misuses buffers on purpose and says so.
import { subscribe } from 'node:diagnostics_channel';

const { SUPERSLAB_GUARD = 'off', SUPERSLAB_LEAK_DETECTION = 'off' } = process.env;

/** Whether each lease of a pool without options of its own is watched: it has an ArrayBuffer of its own. */
export const watchesAll = SUPERSLAB_GUARD !== 'off' || SUPERSLAB_LEAK_DETECTION === 'full';

/** Whether any is: pools lose leases to samples, too. */
export const watches = watchesAll || SUPERSLAB_LEAK_DETECTION === 'sampled';

/** Whether there is something of superslab's own behind each buffer. */
export const hasCanaries = SUPERSLAB_GUARD === 'canary' || SUPERSLAB_GUARD === 'detach';

/** Whether released blocks are filled. */
export const poisons = SUPERSLAB_GUARD !== 'off';

/** Whether released buffers have no bytes, and leases take whole pages. */
export const revokes = SUPERSLAB_GUARD === 'detach';

let reports: string[] = [];

/** Something was found; `where` it was, if not in this thread. */
export function noteReport(message: string, where = ''): void {
  reports.push(where === '' ? message : `${where}: ${message}`);
}

for (const name of ['superslab:pool:leak', 'superslab:pool:guard']) {
  subscribe(name, (message) => noteReport(JSON.stringify(message, undefined, 2)));
}

/** What was reported since the last call. */
export function takeReports(): string[] {
  const taken = reports;
  reports = [];
  return taken;
}
