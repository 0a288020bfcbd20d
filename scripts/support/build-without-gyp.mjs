// Builds the targets of binding.gyp without node-gyp, for machines that have no Python or cannot reach Node's headers:
// with the compiler alone, and the Node-API headers that npm installed. Sources and flags are those of binding.gyp.
import { execFile, execSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { cxx, wordsOf } from './compiler.mjs';
import { at, root, ScriptError, say } from './paths.mjs';

const execute = promisify(execFile);

/** The targets of binding.gyp by name, each with the defaults and the Release configuration folded in. */
function targets() {
  // Python's literal syntax, of which binding.gyp uses no more than JSON and whole-line comments.
  const gyp = JSON.parse(readFileSync(at('binding.gyp'), 'utf8').replace(/^\s*#.*$/gm, ''));
  const variables = { ...gyp.variables, module_root_dir: root };
  const all = gyp.targets.concat(gyp.conditions.flatMap(([, added]) => added.targets));
  return new Map(
    all.map((target) => {
      const parts = [gyp.target_defaults, target, target.configurations?.Release ?? {}];
      const joined = (key) =>
        parts.flatMap((part) => part[key] ?? []).flatMap((value) => expand(value, variables));
      return [
        target.target_name,
        {
          type: target.type,
          sources: joined('sources'),
          dependencies: joined('dependencies'),
          flags: [
            ...[...joined('cflags'), ...joined('cflags_cc')],
            ...joined('defines').map((define) => `-D${define}`),
            ...joined('include_dirs').map((folder) => `-I${folder}`),
          ],
          ldflags: joined('ldflags'),
          libraries: joined('libraries'),
        },
      ];
    }),
  );
}

/** gyp's `<!(command)` is its output, `<!@(command)` the lines of it, `<(name)` a variable. */
function expand(value, variables) {
  const command = /^<!@?\((.*)\)$/.exec(value)?.[1];
  if (command === undefined) return [value.replace(/<\((\w+)\)/g, (_, name) => variables[name])];
  return execSync(command, { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean);
}

async function compiler(args) {
  const { program, first } = cxx();
  try {
    const { stderr } = await execute(program, [...first, ...args], { cwd: root, maxBuffer: 1 << 26 });
    process.stderr.write(stderr);
  } catch (error) {
    throw new ScriptError(error.stderr || error.message);
  }
}

/** Compiles every source of `target`; resolves to the object files. */
async function compile(name, { sources, flags }, folder) {
  const { include_dir: nodeApi } = createRequire(import.meta.url)('node-api-headers');
  const common = ['-c', '-O3', '-fPIC', '-pthread', `-isystem${nodeApi}`, ...flags, ...wordsOf('CXXFLAGS')];
  const queue = sources.map((source) => ({ source, object: at(folder, name, `${source}.o`) }));
  const objects = queue.map(({ object }) => object);
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      say(`  CXX ${next.source}`);
      mkdirSync(dirname(next.object), { recursive: true });
      await compiler([next.source, '-o', next.object, ...common]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return objects;
}

/** Builds the target `name` of binding.gyp into `output`; object files go under `folder`. */
export async function buildWithoutGyp(name, output, folder = 'build/without-gyp') {
  const all = targets();
  const target = all.get(name);
  const objects = [];
  for (const part of [name, ...target.dependencies])
    objects.push(...(await compile(part, all.get(part), folder)));
  mkdirSync(dirname(at(output)), { recursive: true });
  const kind = target.type === 'executable' ? [] : ['-shared'];
  const flags = [...kind, '-pthread', ...target.ldflags, ...wordsOf('LDFLAGS')];
  await compiler([...flags, '-o', at(output), ...objects, ...target.libraries]);
}
