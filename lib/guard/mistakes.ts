import { binding } from '../addon/binding.js';
import type { Misuse } from '../errors.js';
import { CapturedStack } from './stack.js';
import type { GuardReport, MistakeFault } from './types.js';

/** A program's own stacks may be of any length, and all of it goes to the inspector's pages. */
const MOST_CHARACTERS = 4096;
/** Of where an error was thrown. */
const FRAMES = 8;

const cut = (text: string) => (text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text);

/** Which bytes are wrong, if it is about bytes. */
export function detailOf({ offset, bytes }: Pick<GuardReport, 'offset' | 'bytes'>): string {
  return offset < 0 ? '' : `offset ${offset} holds ${bytes}`;
}

/**
 * Counts a mistake for stats(), for the whole process.
 * @returns how many of this kind were made at this place
 */
export function noteMistake(fault: MistakeFault, about: Misuse, detail = '', noticed = ''): number {
  const { pool, tag, size, acquired, released } = about;
  return binding.noteMistake(
    fault,
    pool,
    tag,
    size,
    detail,
    cut(acquired),
    cut(released),
    cut(noticed),
    Date.now(),
  );
}

/** The same for one that is answered by an error, which is thrown to who called `hidden`. */
export function noteThrown(fault: MistakeFault, about: Misuse, hidden: (...args: never[]) => unknown): void {
  noteMistake(fault, about, '', new CapturedStack(FRAMES, hidden).text);
}
