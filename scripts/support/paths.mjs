// Where things lie, and the few words with which a script talks to its user.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path under the package root. */
export const at = (...parts) => join(root, ...parts);

/** A failure whose message is all that the user needs: no stack is printed for it. */
export class ScriptError extends Error {}

/** Runs a script's body; its failures become a message and exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    process.stderr.write(`${error instanceof ScriptError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  }
}

/** Prints a line about progress on standard error: standard output belongs to results. */
export const say = (line) => process.stderr.write(`${line}\n`);
