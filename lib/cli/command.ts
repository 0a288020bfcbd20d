import type { Arguments, OptionTable } from './arguments.js';

/** One subcommand of `superslab`. */
export interface Command {
  /** What stands after `superslab`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** All but --help. */
  readonly options: OptionTable;
  /**
   * How many arguments without hyphens it takes. `'program'`: they begin a command line of somebody else,
   * and options that are not in `options` are the command's own business too.
   */
  readonly operands: readonly [min: number, max: number] | 'program';
  /** What its exit codes mean, with 64 where it is more than "wrong arguments". */
  readonly exits: Readonly<Record<number, string>>;
  /** `superslab COMMAND --help` between the usage and the exit codes; all of it fits 24 lines of 80. */
  help(): readonly string[];
  /** Does it; resolves to the exit code. Throws a CliError for what the user can mend. */
  run(args: Arguments): Promise<number>;
}
