// One facade a thread, however it is loaded; and what is in the package.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createContext, runInContext } from 'node:vm';
import superslab, * as imported from 'superslab';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entries } from '../scripts/support/esm-entry.mjs';
import { shipLibrary } from '../scripts/support/ship-library.mjs';
import { childJson, packageRoot } from './support/child.js';

const require = createRequire(import.meta.url);
const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

/** The files that `npm pack` would put into the package whose folder is `root`. */
function packed(root: string): readonly string[] {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = JSON.parse(text) as [{ files: { path: string }[] }];
  return files.map((file) => file.path);
}

let ownFiles: readonly string[] | undefined;
/** Those of this package. */
function published(): readonly string[] {
  ownFiles ??= packed(packageRoot);
  return ownFiles;
}

describe.each(entries())('$name', ({ name, cjs, esm }) => {
  test('import and require give the same objects', async () => {
    const required = require(name) as Record<string, unknown>;
    const asModule = (await import(name)) as Record<string, unknown>;
    expect(Object.keys(asModule).length).toBeGreaterThan(0);
    expect(Object.keys(required).sort()).toEqual(Object.keys(asModule).sort());
    for (const key of Object.keys(asModule)) expect(required[key], key).toBe(asModule[key]);
  });

  test('is published with its declarations', () => {
    const files = published();
    for (const file of [cjs, esm]) {
      expect(files).toContain(file.slice(2));
      expect(files).toContain(file.slice(2).replace(/js$/, 'd.ts'));
    }
  });
});

test('the default export is the default pool', () => {
  expect(superslab).toBe(imported.BufferPool.default);
});

describe('where an optional peer is not installed', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'superslab-peers-'));
    const installed = path.join(folder, 'node_modules/superslab');
    mkdirSync(path.join(installed, 'build/Release'), { recursive: true });
    for (const part of ['package.json', 'dist', 'build/Release/superslab.node']) {
      cpSync(path.join(packageRoot, part), path.join(installed, part), { recursive: true });
    }
    symlinkSync(
      path.join(packageRoot, 'node_modules/node-gyp-build'),
      path.join(folder, 'node_modules/node-gyp-build'),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['superslab/prometheus', 'prom-client'],
    ['superslab/opentelemetry', '@opentelemetry/api'],
  ])('%s says what to install', async (entry, peer) => {
    const script = `
      import { createRequire } from 'node:module';
      const failures = [];
      const note = ({ code, message }) => failures.push({ code, message });
      await import(${JSON.stringify(entry)}).catch(note);
      try { createRequire(process.cwd() + '/')(${JSON.stringify(entry)}); } catch (error) { note(error); }
      const { acquire } = await import('superslab');
      console.log(JSON.stringify({ failures, length: acquire(10).length }));`;
    const failure = {
      code: 'ERR_SUPERSLAB_PEER',
      message:
        `ERR_SUPERSLAB_PEER: ${entry} needs the package "${peer}", which is not installed here; ` +
        `install it: npm install ${peer}`,
    };
    const seen = await childJson(script, { cwd: folder });
    expect(seen).toEqual({ failures: [failure, failure], length: 10 });
  });

  test('what a peer throws itself passes through', async () => {
    const broken = path.join(folder, 'node_modules/prom-client');
    mkdirSync(broken);
    try {
      writeFileSync(path.join(broken, 'index.js'), "require('tdigest');");
      const script =
        "await import('superslab/prometheus').catch((e) => console.log(JSON.stringify([e.code, e.message])));";
      const [code, message] = await childJson(script, { cwd: folder });
      expect(code).toBe('MODULE_NOT_FOUND');
      expect(message).toContain("'tdigest'");
    } finally {
      rmSync(broken, { recursive: true });
    }
  });
});

test('a buffer acquired by one is released by the other', () => {
  const required = require('superslab') as typeof imported;
  const buf = required.acquire(10);
  expect(buf).toBeInstanceOf(imported.PooledBuffer);
  imported.release(buf);
  expect(buf.released).toBe(true);
});

test('what is exported', () => {
  expect(Object.keys(imported).sort()).toEqual([
    'BufferPool',
    'PooledBuffer',
    'acquire',
    'alloc',
    'core',
    'default',
    'memoryFacts',
    'policy',
    'release',
    'stats',
    'watchHistograms',
  ]);
  expect(Object.keys(require('superslab/pools')).sort()).toEqual([
    'BufferPool',
    'CompressedPool',
    'FixedPool',
    'GenerationalPool',
    'NumaPool',
    'ObjectPool',
    'PacketPool',
    'RecordPool',
    'array',
    'bytes',
    'record',
  ]);
  expect(Object.keys(require('superslab/files'))).toEqual(['MappedPool', 'PageCache', 'SharedCache']);
  expect(require('superslab/package.json')).toMatchObject({ name: 'superslab' });
});

test('ArrayBuffers and typed arrays of another vm context are taken', () => {
  const context = createContext({});
  const foreign = runInContext('Uint8Array.of(1, 2, 3)', context) as Uint8Array;
  expect([...superslab.from(foreign)]).toEqual([1, 2, 3]);
  expect([...superslab.from(foreign.buffer as ArrayBuffer)]).toEqual([1, 2, 3]);
});

test('pooled buffers work in another vm context', () => {
  const buf = superslab.from('context');
  const context = createContext({ buf });
  expect(runInContext('buf.toString() + buf.length + new Uint8Array(buf).length', context)).toBe('context77');
  runInContext('buf.release()', context);
  expect(buf.released).toBe(true);
});

test('a second copy of the facade in one thread shares the heap, and neither breaks the other', async () => {
  const seen = await childJson(`
    import { createRequire } from 'node:module';
    const require = createRequire(process.cwd() + '/');
    const first = require('superslab');
    for (const file of Object.keys(require.cache)) if (!file.endsWith('.node')) delete require.cache[file];
    const second = require('superslab');
    const bufs = [first, second].flatMap(({ acquire }) => [100, 5000, 3 << 20].map((size) => acquire(size)));
    bufs.forEach((buf, i) => buf.fill(i + 1));
    const right = bufs.every((buf, i) => buf.every((byte) => byte === i + 1));
    let code;
    try { first.release(bufs[3]); } catch (error) { code = error.code; }
    const token = first.default.share(bufs[0]);
    const adopted = second.default.adopt(token);
    const inUse = second.default.stats().inUseBytes;
    for (const buf of [...bufs, adopted]) buf.release();
    console.log(JSON.stringify({
      differs: first.BufferPool !== second.BufferPool, right, code, same: adopted[0],
      inUse: [inUse === first.default.stats().inUseBytes, first.default.stats().inUseBytes],
    }));`);
  expect(seen).toEqual({
    differs: true,
    right: true,
    code: 'ERR_SUPERSLAB_FOREIGN',
    same: 1,
    inUse: [false, 0],
  });
});

test('what is published, besides the prebuilds', () => {
  const files = published();
  expect(files).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'README.md',
      'bin/superslab.js',
      'binding.gyp',
      'dist/cjs/cli/main.js',
      'dist/cjs/index.js',
      'dist/esm/index.js',
      'dist/inspector/app.js',
      'dist/inspector/index.html',
      'dist/inspector/uplot.js',
      'dist/inspector/uplot-license.txt',
      'native/README.md',
      'native/include/superslab.h',
      'native/include/superslab_generational.h',
      'native/include/superslab_mapped.h',
      'native/include/superslab_packet.h',
      'native/include/superslab_page_cache.h',
      'native/include/superslab_compressed.h',
      'THIRD-PARTY.md',
      'scripts/codecs.cjs',
      'scripts/has-malloc-library.cjs',
      'scripts/sources.cjs',
    ]),
  );
  const documents = readdirSync(path.join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.md'),
  );
  expect(documents.length).toBeGreaterThan(0);
  // Comments in the declarations send their readers there. The pictures are larger than all of them.
  expect(files.filter((file) => file.startsWith('docs/')).sort()).toEqual(
    documents.map((name) => `docs/${name}`).sort(),
  );
  const folders = ['bin', 'dist', 'docs', 'lib', 'native', 'prebuilds', 'scripts'];
  expect(files.filter((file) => file.includes('/') && !folders.includes(file.split('/')[0]!))).toEqual([]);
});

test('whoever builds from the package has all that binding.gyp asks for', () => {
  const files = published();
  const text = readFileSync(path.join(packageRoot, 'binding.gyp'), 'utf8');
  const asked = [...text.matchAll(/<!@?\(node (scripts\S+?)[ )]/g)].map(([, script]) => script!);
  expect(asked).toHaveLength(text.match(/<!@?\(node scripts/g)!.length);
  expect(files).toEqual(expect.arrayContaining(asked));
});

test('what is compiled in from others has its notice in the package', () => {
  const { codecs } = require('../scripts/codecs.cjs') as {
    codecs(base?: string, chosen?: string): { macro: string; folder: string }[];
  };
  const notice = readFileSync(path.join(packageRoot, 'THIRD-PARTY.md'), 'utf8');
  const found = codecs(packageRoot, undefined);
  expect(found.map(({ macro }) => macro)).toEqual(['SUPERSLAB_XXH3', 'SUPERSLAB_LZ4']);
  const terms = readFileSync(
    path.join(packageRoot, 'node_modules/lmdb/dependencies/lz4/lib/LICENSE'),
    'utf8',
  );
  const header = readFileSync(path.join(packageRoot, 'node_modules/xxhash-addon/xxHash/xxhash.h'), 'utf8');
  expect(notice).toContain(terms.slice(terms.indexOf('Redistribution')).trim());
  for (const [, holder] of [/(Copyright .*)/.exec(terms)!, /(Copyright .*)/.exec(header)!])
    expect(notice).toContain(holder!.trim());
  expect(codecs(packageRoot, 'none')).toEqual([]);
  // As in the published package, which has no development dependencies.
  expect(codecs(path.join(packageRoot, 'docs'), undefined)).toEqual([]);
});

test('the addon is built without what defines or serves malloc', () => {
  const { sources } = require('../scripts/sources.cjs') as { sources(part: string): string[] };
  const layersOf = (part: string) => new Set(sources(part).map((file) => file.split('/')[1]));
  expect(layersOf('shim')).toEqual(new Set(['shim']));
  expect(layersOf('malloc')).toContain('malloc');
  for (const part of ['core', 'binding']) {
    for (const layer of ['malloc', 'api', 'shim']) expect(layersOf(part)).not.toContain(layer);
  }
});

describe.skipIf(!existsSync(library))('libsuperslab.so', () => {
  const output = (command: string, ...args: string[]) => execFileSync(command, args, { encoding: 'utf8' });

  test('lies beside the addon in the prebuilds, stripped and whole', async () => {
    const root = mkdtempSync(path.join(tmpdir(), 'superslab-package-'));
    try {
      cpSync(path.join(packageRoot, 'package.json'), path.join(root, 'package.json'));
      await shipLibrary(path.join(root, 'prebuilds'));
      const shipped = `prebuilds/${process.platform}-${process.arch}/libsuperslab.so`;
      expect(packed(root)).toContain(shipped);
      const file = path.join(root, shipped);
      expect(output('readelf', '-SW', file)).not.toContain('.symtab');
      const maps = execFileSync('cat', ['/proc/self/maps'], { env: { LD_PRELOAD: file }, encoding: 'utf8' });
      expect(maps).toContain(file);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  test('exports the malloc family, the C++ operators, the C API, and what opens libraries', () => {
    const names = output('nm', '-D', '--defined-only', '--format=posix', library)
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[0]!);
    const family =
      /^(c?free|free_(aligned_)?sized|[cmv]alloc|pvalloc|realloc(array)?|memalign|aligned_alloc|posix_memalign|mall(oc_\w+|info2?|opt))$/;
    const operators = /^_Z(nw|na|dl|da)/;
    const opens = /^dlm?open$/; // see native/shim/dlopen.cc
    const isOurs = (name: string) =>
      family.test(name) ||
      operators.test(name) ||
      opens.test(name) ||
      name.startsWith('ss_') ||
      name === 'superslab_core';
    expect(names.filter((name) => !isOurs(name))).toEqual([]);
    expect(names).toEqual(expect.arrayContaining(['calloc', 'free', 'malloc', 'posix_memalign', 'realloc']));
    const include = path.join(packageRoot, 'native/include');
    const header = readdirSync(include)
      .map((file) => readFileSync(path.join(include, file), 'utf8'))
      .join('\n');
    // Functions, and what each thread has.
    const declared = new Set(
      [...header.matchAll(/\b(ss_\w+)\(|__thread \w+\* (ss_\w+)/g)].map(([, name, own]) => (name ?? own)!),
    );
    expect(declared).toContain('ss_malloc');
    expect(names.filter((name) => name.startsWith('ss_')).sort()).toEqual([...declared].sort());
  });

  test('asks for nothing but the C library, and is bound when it is loaded', () => {
    const dynamic = output('readelf', '-dW', library);
    const needed = [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name!);
    expect(needed).toContain('libc.so.6');
    expect(needed.filter((name) => !/^(libc\.so|ld-linux|ld64)/.test(name))).toEqual([]);
    expect(dynamic).toMatch(/\(SONAME\).*\[libsuperslab\.so\]/);
    expect(dynamic).toMatch(/\(FLAGS_1\).* NOW /);
    expect(dynamic).toMatch(/\(FLAGS_1\).* NODELETE/);
  });
});
