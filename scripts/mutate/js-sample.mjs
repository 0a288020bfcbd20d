// Plugin of Stryker for `npm run mutate -- js --part=N`: of all mutants one in N is met. Which ones follows from their own
// text, so that a change elsewhere does not choose others. To Stryker the rest are mutants that do not compile.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mutantText } from './js-mutant-text.mjs';

class Sample {
  async init() {}

  async check(mutants) {
    return Object.fromEntries(mutants.map((mutant) => [mutant.id, { status: this.#statusOf(mutant) }]));
  }

  /** All at once: there is nothing to wait for. */
  async group(mutants) {
    return [mutants.map(({ id }) => id)];
  }

  #statusOf({ fileName, location, replacement }) {
    const { before, after } = mutantText(readFileSync(fileName, 'utf8'), oneBased(location), replacement);
    const number = createHash('sha256').update(`${before}\0${after}`).digest().readUInt32LE();
    return number % Number(process.env.MUTANTS_PART) === 0 ? 'passed' : 'compileError';
  }
}

/** Lines and columns begin with one in reports, and with zero before. */
const oneBased = ({ start, end }) => ({ start: next(start), end: next(end) });
const next = ({ line, column }) => ({ line: line + 1, column: column + 1 });

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', injectableClass: Sample }];
