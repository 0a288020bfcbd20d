// The machine code that the commonest calls run through: from a function's entry to its return along
// the way where no conditional jump is taken. Also a program that prints them:
//
//   node test/golden/fast-path.mjs [--write] [library]
//
// --write keeps the present numbers as the golden ones, in fast-path.json. Do that with what
// `npm run build -- shim` made, and say in the commit why they grew.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { fileURLToPath } from 'node:url';
import { missingTool } from '../support/tools.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export const goldenFile = at('fast-path.json');
export const builtLibrary = at('../../build/Release/libsuperslab.so');

/** What each function may take at most, whatever the golden file says. */
export const limits = {
  malloc: 16,
  _Znwm: 16,
  free: 20,
  _ZdlPv: 20,
  _ZdlPvm: 20,
};

/** Why there is nothing to disassemble here; undefined where there is. */
export function reasonToSkip() {
  if (process.platform !== 'linux' || arch() !== 'x64') return 'the numbers are those of x86-64 Linux';
  return missingTool('objdump', 'binutils');
}

/** The instructions of a function by address, as { at, name, operands }. */
function disassemble(library, symbol) {
  const text = execFileSync(
    'objdump',
    [`--disassemble=${symbol}`, '--no-show-raw-insn', '--section=.text', library],
    { encoding: 'utf8', maxBuffer: 16 << 20 },
  );
  const body = text.slice(text.indexOf(`<${symbol}>:`));
  return [...body.matchAll(/^ +([0-9a-f]+):\t(\S+)[ ]*(.*?) *$/gm)].map(([, address, name, operands]) => ({
    at: Number.parseInt(address, 16),
    name,
    operands,
  }));
}

/** Follows jumps and stays on the way where conditional ones fall through, up to the return. */
export function fastPath(library, symbol) {
  const code = new Map(disassemble(library, symbol).map((one) => [one.at, one]));
  const following = [...code.keys()];
  const path = [];
  for (let next = following[0]; ; ) {
    const one = code.get(next);
    if (one === undefined) throw new Error(`${symbol}: the way leaves the function: ${list(path)}`);
    if (path.length > 200) throw new Error(`${symbol}: the way has no end: ${list(path)}`);
    path.push(one);
    if (/^(?:\w+ )?ret/.test(one.name)) return path;
    next = one.name === 'jmp' ? Number.parseInt(one.operands, 16) : following[following.indexOf(next) + 1];
  }
}

const list = (path) =>
  path.map(({ at, name, operands }) => `  ${at.toString(16)}: ${name} ${operands}`).join('\n');

/** What a path costs, and what it must not have. */
export function measure(path) {
  const count = (pattern) => path.filter(({ name, operands }) => pattern.test(`${name} ${operands}`)).length;
  return {
    instructions: path.length,
    branches: count(/^j/),
    calls: count(/^call/),
    // An exchange with memory locks without being told to.
    locks: count(/^(lock |[lm]fence|xchg.*\()/),
    listing: list(path),
  };
}

/** { malloc: { instructions, branches }, ... } */
export const readGolden = () => JSON.parse(readFileSync(goldenFile, 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const reason = reasonToSkip();
  if (reason !== undefined) {
    console.log(`skipped: ${reason}`);
    process.exit(0);
  }
  const args = process.argv.slice(2);
  const library = args.find((arg) => !arg.startsWith('--')) ?? builtLibrary;
  const golden = {};
  for (const symbol of Object.keys(limits)) {
    const { instructions, branches, listing } = measure(fastPath(library, symbol));
    golden[symbol] = { instructions, branches };
    console.log(`${symbol}: ${instructions} instructions, ${branches} branches\n${listing}`);
  }
  if (args.includes('--write')) writeFileSync(goldenFile, `${JSON.stringify(golden, null, 2)}\n`);
}
