/** One subcommand of `superslab`. */
export interface Command {
  /** What stands after `superslab`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The rest of `superslab COMMAND --help`; fits a screen. */
  help(): string;
  /** Does it; resolves to the exit code. Throws a CliError for what the user can mend. */
  run(args: readonly string[]): Promise<number>;
}
