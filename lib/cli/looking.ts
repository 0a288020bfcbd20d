// What the commands that look into another process have in common.
import { EXIT } from './cli-error.js';
import type { Target } from './target.js';

export const lookingOptions = { attach: 'nothing' } as const;

export const lookingExits = {
  [EXIT.noPermission]: 'not permitted',
  [EXIT.cannotRun]: 'it does not use superslab or does not answer',
  [EXIT.notFound]: 'no such process',
} as const;

export const lookingHelp: readonly string[] = [
  'A PID is asked through a socket, which only its user can open: start the process',
  'with SUPERSLAB_INSPECT=socket. --attach opens the socket in one that runs',
  'already, by a debug port on 127.0.0.1 that is there for a moment. A URL is what',
  'startInspector() gave, token included.',
];

/** For commands that look until there is nothing more to look at, which is no fault. */
export function tellEnd({ title }: Target): void {
  process.stderr.write(`superslab: ${title} has ended, or closed its inspector\n`);
}
