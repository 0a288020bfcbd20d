import { builtins } from '../base/builtins.js';
import type { MisusedBuffer, MisuseKind } from '../base/misuse.js';
import { CapturedStack } from '../base/stack.js';
import { environment, facts } from './environment.js';

/** A program's own stacks may be of any length, and all of it goes to the inspector's pages. */
const MAX_CHARACTERS = 4096;
/** Of where an error was thrown: SUPERSLAB_LEAK_FRAMES. */
const frames = Number(facts.knobs.find((knob) => knob.variable === 'SUPERSLAB_LEAK_FRAMES')!.value);

const cut = (text: string) => (text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text);

/**
 * Counts one case of misuse for stats(), for the whole process.
 * @returns how many of this kind were made at this place
 */
export function noteMisuse(kind: MisuseKind, about: MisusedBuffer, detail = '', noticed = ''): number {
  const { pool, tag, size, acquired, released } = about;
  return environment.noteMisuse({
    kind,
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

/** The same for one that ends in an error, which is thrown to the caller of `hidden`. */
export function noteThrown(
  kind: MisuseKind,
  about: MisusedBuffer,
  hidden: (...args: never[]) => unknown,
): void {
  noteMisuse(kind, about, '', frames === 0 ? '' : new CapturedStack(frames, hidden).text);
}
