// The ways in that need no line in the program: SUPERSLAB_INSPECT=socket at start, and a request by
// `superslab ... --attach` later. The inspector itself is loaded when somebody comes.
import { facts } from '../addon/environment.js';
import { builtins } from '../base/builtins.js';

const load = () => import('./process-socket.js');

/** Who attached comes by the socket at once; one who does not, has ended. */
const MAX_WAIT_MS = 5000;
/** The debugging port's own thread is done with a connection some time after its other end is. */
const SETTLE_MS = 100;

/** What `--attach` finds, by a name that it can know. */
const hook = {
  /**
   * The path of this process's socket, which is open from now on; '' when another thread has it. The debugging
   * port, through which this was called, is closed after the first request by the socket: by then the
   * debugger's connection has ended, and Node 20 can crash when its port is closed before that.
   */
  attach: async (): Promise<string> => {
    const { close } = require('node:inspector') as typeof import('node:inspector');
    // Also when there can be no socket.
    const timer = builtins.setTimeout(close, MAX_WAIT_MS).unref();
    const socket = await (await load()).openProcessSocket();
    socket?.onFirstRequest(() => {
      builtins.clearTimeout(timer);
      builtins.setTimeout(close, SETTLE_MS).unref();
    });
    return socket?.path ?? '';
  },
};

Object.defineProperty(globalThis, Symbol.for('superslab.inspect'), { value: hook, configurable: true });

export function openAsAsked(): void {
  const asked = facts.knobs.find((knob) => knob.variable === 'SUPERSLAB_INSPECT');
  if (asked?.value === 'socket') void load().then(({ tryOpenProcessSocket }) => tryOpenProcessSocket());
}
