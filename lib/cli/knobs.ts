// Knobs as options of a command: --purge-delay-ms=500 is SUPERSLAB_PURGE_DELAY_MS=500. Which there
// are, and what they may be, only the native table knows (native/policy/knobs.def).
import type { KnobRow } from '../addon/rows.js';
import type { GivenOption } from './arguments.js';
import { CliError, EXIT, usageError } from './cli-error.js';

const PREFIX = 'SUPERSLAB_';
const VARIABLE = /SUPERSLAB_[A-Z0-9_]+/g;

/** --purge-delay-ms, --purgeDelayMs and --purge_delay_ms are one. */
const variableOf = (option: string) =>
  PREFIX +
  option
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_')
    .replaceAll('-', '_')
    .toUpperCase();

const optionOf = (variable: string) =>
  `--${variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-')}`;

/** An option that is none of a command's own, as a variable and its value. */
export function knobOf({ arg, name, value }: GivenOption): [variable: string, value: string] {
  if (!arg.startsWith('--') || !/^[A-Za-z][\w-]*$/.test(name)) {
    throw usageError(
      `what is ${JSON.stringify(arg)}? Options are written --knob=value; those of the program stand after its name`,
    );
  }
  if (value === undefined) throw usageError(`${arg} lacks its value: write ${arg}=VALUE`);
  return [variableOf(name), value];
}

type Native = typeof import('../addon/binding.js');

/** The addon, which is needed only where there is something to check. */
const native = (): Native => require('../addon/binding.js') as Native;

/**
 * Puts `knobs` into the environment of this process, and lets the native side check all SUPERSLAB_*
 * variables there, as the library will in the program. Only the first call in a process checks.
 */
export function applyKnobs(knobs: ReadonlyMap<string, string>): void {
  for (const [variable, value] of knobs) process.env[variable] = value;
  if (!Object.keys(process.env).some((name) => name.startsWith(PREFIX))) return;
  try {
    const { binding, check } = native();
    check(binding.attach(() => {}));
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code !== 'ERR_SUPERSLAB_ENV') throw error;
    throw new CliError('ERR_SUPERSLAB_ENV', EXIT.usage, inTermsOf(knobs, message.slice(code.length + 2)));
  }
}

/** A message about a variable, in the words of the command line if that is where it came from. */
function inTermsOf(knobs: ReadonlyMap<string, string>, message: string): string {
  const named = message.match(VARIABLE)?.[0];
  if (named === undefined || !knobs.has(named)) return message;
  return message.replace('environment variable', 'knob').replaceAll(VARIABLE, optionOf);
}

/**
 * Every knob with its default and meaning, and what holds in this process. Throws a CliError when a
 * SUPERSLAB_* variable is wrong.
 */
export function allKnobs(): readonly (KnobRow & { readonly flag: string })[] {
  const { binding, check } = native();
  applyKnobs(new Map());
  return check(binding.attach(() => {})).facts.knobs.map((knob) => ({
    ...knob,
    flag: optionOf(knob.variable),
  }));
}
