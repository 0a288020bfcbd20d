// The examples for C in docs, as they stand there.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';

const execute = promisify(execFile);
const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

const pages = [
  { page: 'pools/FIXED', shows: 'DEFINE_OBJECT_POOL' },
  { page: 'pools/PACKET', shows: 'ss_packet_push' },
  { page: 'pools/GENERATIONAL', shows: 'ss_generational_pool_promote' },
  { page: 'FILES', shows: 'ss_mapped_pool_commit' },
];

describe.skipIf(process.platform !== 'linux').for(pages)('docs/ of $page', ({ page, shows }) => {
  test.for(['c99', 'c11'])('the example compiles as %s and runs', async (standard) => {
    const text = readFileSync(path.join(packageRoot, `docs/${page}.md`), 'utf8');
    const [, example = ''] = /## From C and C\+\+\n[\s\S]*?```c\n([\s\S]*?)```/.exec(text) ?? [];
    expect(example).toContain(shows);
    const folder = path.join(packageRoot, 'build/c-examples', page);
    mkdirSync(folder, { recursive: true });
    const source = path.join(folder, `${standard}.c`);
    const program = path.join(folder, standard);
    writeFileSync(source, example);
    const flags = [`-std=${standard}`, '-O2', '-Wall', '-Wextra', '-Werror', '-pedantic-errors'];
    const include = ['-I', path.join(packageRoot, 'native/include')];
    const link = [library, `-Wl,-rpath,${path.dirname(library)}`];
    await execute(process.env.CC ?? 'gcc', [...flags, ...include, source, ...link, '-o', program]);
    // Linked alone, and preloaded on top of it.
    for (const env of [{}, { LD_PRELOAD: library }]) {
      await expect(execute(program, [], { env: { ...process.env, ...env } })).resolves.toMatchObject({
        stderr: '',
      });
    }
  });
});
