// One reading of the command line for all commands: options are written --name or --name=value, what does
// not begin with a hyphen is an operand, and "--" ends the options.
import { usageError } from './cli-error.js';

export type Takes = 'nothing' | 'value' | 'value or nothing';

/** The options of a command by name, without the hyphens. */
export type OptionTable = Readonly<Record<string, Takes>>;

/** One option as it was written. */
export interface GivenOption {
  readonly arg: string;
  /** Without the hyphens; of -x it is "-x", which no command knows. */
  readonly name: string;
  readonly value: string | undefined;
}

export class Arguments {
  readonly options: readonly GivenOption[];
  readonly operands: readonly string[];

  constructor(options: readonly GivenOption[], operands: readonly string[]) {
    this.options = options;
    this.operands = operands;
  }

  /** Whether the option was given, with or without a value. */
  has(name: string): boolean {
    return this.options.some((option) => option.name === name);
  }

  /** Its value; the last one counts. Undefined: not given, or given without one. */
  value(name: string): string | undefined {
    return this.options.findLast((option) => option.name === name)?.value;
  }

  /** Its value as a number; `otherwise` when there is none. Throws a usage error outside of the limits. */
  number(name: string, min: number, max: number, otherwise: number): number {
    return this.#number(name, /^\d+(\.\d+)?$/, `a number from ${min} to ${max}`, min, max) ?? otherwise;
  }

  /** The same for what cannot be a part of one. */
  wholeNumber(name: string, min: number, max: number, otherwise: number): number {
    return this.#number(name, /^\d+$/, `a whole number from ${min} to ${max}`, min, max) ?? otherwise;
  }

  #number(name: string, form: RegExp, what: string, min: number, max: number): number | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const number = form.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw usageError(`--${name} is ${JSON.stringify(text)}: give ${what}`);
  }
}

function optionOf(arg: string): GivenOption {
  const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
  return { arg, name: name ?? arg, value };
}

/** Options that may have their value behind a space, as other programs have them: their names in full. */
const SPACED: Readonly<Record<string, string>> = { '-o': 'output', '--save': 'save' };

/** Such an option with its value, if `arg` is one; `-o=FILE` is written by some, too. */
function spacedOption(arg: string, following: string | undefined): GivenOption | undefined {
  const [, short] = /^-o=(.*)$/s.exec(arg) ?? [];
  if (short !== undefined) return { arg, name: 'output', value: short };
  if (!Object.hasOwn(SPACED, arg) || following === undefined || following === '--') return undefined;
  return { arg, name: SPACED[arg]!, value: following };
}

/**
 * Tells options from operands. With `endsAtOperand` whatever follows the first operand is an operand too:
 * it is for somebody else.
 */
export function splitArguments(args: readonly string[], endsAtOperand = false): Arguments {
  const options: GivenOption[] = [];
  const operands: string[] = [];
  for (let next = 0; next < args.length; next++) {
    const arg = args[next]!;
    if (arg === '--') {
      operands.push(...args.slice(next + 1));
      break;
    }
    const spaced = spacedOption(arg, args[next + 1]);
    if (spaced !== undefined) {
      options.push(spaced);
      if (!arg.includes('=')) next++;
    } else if (arg.startsWith('-') && arg !== '-') {
      options.push(optionOf(arg));
    } else if (endsAtOperand) {
      operands.push(...args.slice(next));
      break;
    } else {
      operands.push(arg);
    }
  }
  return new Arguments(options, operands);
}

/** What a command takes: its options, and how many operands. */
export interface Grammar {
  readonly usage: string;
  readonly options: OptionTable;
  readonly operands: readonly [min: number, max: number];
}

/** Throws a usage error unless `args` are what the command takes. */
export function checkArguments(args: Arguments, { usage, options, operands }: Grammar): void {
  const write = `write superslab ${usage}`;
  for (const { arg, name, value } of args.options) {
    const takes = Object.hasOwn(options, name) ? options[name] : undefined;
    if (takes === undefined) throw usageError(`there is no option ${arg}; ${write}`);
    if (takes === 'value' && !value) throw usageError(`${arg} lacks its value; ${write}`);
    if (takes === 'nothing' && value !== undefined) {
      throw usageError(`--${name} takes no value, and ${arg} gives it one; ${write}`);
    }
  }
  const [min, max] = operands;
  const extra = args.operands[max];
  if (extra !== undefined) throw usageError(`what is ${JSON.stringify(extra)}? ${capital(write)}`);
  if (args.operands.length < min) throw usageError(`something is missing; ${write}`);
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
