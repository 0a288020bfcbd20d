import { builtins } from '../base/builtins.js';
import type { MistakeFault, Misuse } from '../base/misuse.js';
import { CapturedStack } from '../base/stack.js';
import { environment, facts } from './environment.js';

/** A program's own stacks may be of any length, and all of it goes to the inspector's pages. */
const MOST_CHARACTERS = 4096;
/** Of where an error was thrown: SUPERSLAB_LEAK_FRAMES. */
const frames = Number(facts.knobs.find((knob) => knob.variable === 'SUPERSLAB_LEAK_FRAMES')!.value);

const cut = (text: string) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);

/**
 * Counts a mistake for stats(), for the whole process.
 * @returns how many of this kind were made at this place
 */
export function noteMistake(fault: MistakeFault, about: Misuse, detail = '', noticed = ''): number {
  const { pool, tag, size, acquired, released } = about;
  return environment.noteMistake({
    fault,
    pool,
    tag,
    size,
    detail,
    acquired: cut(acquired),
    released: cut(released),
    noticed: cut(noticed),
    nowMs: builtins.dateNow(),
  });
}

/** The same for one that is answered by an error, which is thrown to who called `hidden`. */
export function noteThrown(fault: MistakeFault, about: Misuse, hidden: (...args: never[]) => unknown): void {
  noteMistake(fault, about, '', frames === 0 ? '' : new CapturedStack(frames, hidden).text);
}
