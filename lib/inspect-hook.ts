// The ways in that need no line in the program: SUPERSLAB_INSPECT=socket at start, and a request by
// `superslab ... --attach` later. The inspector itself is loaded when somebody comes.
import { facts } from './environment.js';

const load = () => import('./inspector/door.js');

/** What `--attach` finds, by a name that it can know. */
const hook = {
  /** The path of this process's socket, which is open from now on; '' when another thread has it. */
  open: async (): Promise<string> => (await (await load()).openDoor())?.path ?? '',
  /** Closes the debugging port through which the request came. */
  closeDebugger: (): void => {
    setImmediate(() => (require('node:inspector') as typeof import('node:inspector')).close());
  },
};

Object.defineProperty(globalThis, Symbol.for('superslab.inspect'), { value: hook, configurable: true });

export function openAsAsked(): void {
  const asked = facts.knobs.find((knob) => knob.variable === 'SUPERSLAB_INSPECT');
  if (asked?.value === 'socket') void load().then(({ tryOpenDoor }) => tryOpenDoor());
}
