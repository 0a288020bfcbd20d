// Programs that are interpreters: one process runs one script and prints the lines that must not differ.
import { fileURLToPath } from 'node:url';
import { ProgramFailure } from './meter.js';
import { type Program, read, skip, which } from './program.js';
import { sourceFile } from './source-file.js';

/** The last line of every script: without it the script has not come to its end. */
const LAST_LINE = 'done';

interface Interpreter {
  readonly name: string;
  /** The executable; undefined: not installed. */
  readonly find: () => string | undefined;
  /** The packages that bring it. */
  readonly packages: string;
  readonly args: (scale: number) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the script is told: for about two seconds under glibc, and for a fraction of that. */
  readonly full: number;
  readonly quick: number;
}

const interpreter = ({ name, find, packages, args, env, full, quick }: Interpreter): Program => ({
  name,
  prepare: (workbench) => {
    const file = find();
    if (file === undefined) return skip(name, packages);
    return {
      executables: [file],
      run: async (preload, limitSeconds) => {
        const command = { file, args: args(workbench.quick ? quick : full), env };
        const { stdout, ...usage } = await workbench.meter.run(command, preload, limitSeconds);
        const output = stdout.toString();
        if (!output.endsWith(`${LAST_LINE}\n`))
          throw new ProgramFailure(`stopped after "${output.slice(-80)}"`);
        return { ...usage, output };
      },
    };
  },
});

export const node = interpreter({
  name: 'node',
  find: () => process.execPath,
  packages: 'nodejs',
  args: (scale) => [fileURLToPath(new URL('./node-workload.js', import.meta.url)), String(scale)],
  full: 55,
  quick: 3,
});

/** python3 is often a shell script that looks for the Python it is to start: the shell is not the program. */
export function findPython(): string | undefined {
  const found = which('python3');
  return found && read(found, ['-c', 'import sys; print(sys.executable)']).trim();
}

const python = {
  find: findPython,
  packages: 'python3',
  args: (scale: number) => ['-s', '-S', '-B', sourceFile('workload.py'), String(scale)],
  quick: 6,
};

export const python3 = interpreter({
  name: 'python3',
  ...python,
  env: { PYTHONHASHSEED: '0' },
  full: 130,
});

/** Python without its own allocator of small objects: malloc gets every one of them. */
export const python3Malloc = interpreter({
  name: 'python3-malloc',
  ...python,
  env: { PYTHONHASHSEED: '0', PYTHONMALLOC: 'malloc' },
  full: 120,
});

export const perl = interpreter({
  name: 'perl',
  find: () => which('perl'),
  packages: 'perl',
  args: (scale) => [sourceFile('workload.pl'), String(scale)],
  env: { PERL_HASH_SEED: '0' },
  full: 110,
  quick: 8,
});

export const sqlite3 = interpreter({
  name: 'sqlite3',
  find: () => which('sqlite3'),
  packages: 'sqlite3',
  args: (rows) => [
    '-batch',
    '-cmd',
    `.parameter set :rows ${rows}`,
    ':memory:',
    `.read "${sourceFile('workload.sql')}"`,
  ],
  full: 200_000,
  quick: 10_000,
});
