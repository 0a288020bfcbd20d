// scripts/check-layers.mjs, on small trees of its own: it must find what breaks the order of layers, and import cycles.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { layerViolations } from '../scripts/check-layers.mjs';

let base: string;

const write = (file: string, text: string) => {
  mkdirSync(dirname(join(base, file)), { recursive: true });
  writeFileSync(join(base, file), text);
};

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'superslab-layers-'));
  write('native/README.md', '1. `base` — words\n2. `heap` — blocks\n3. `binding` — Node-API\n');
  write('native/base/types.h', '#include <cstdint>\n');
  write('native/heap/heap.h', '#include "base/types.h"\n#include "heap/slab.h"\n');
  write('native/heap/slab.h', '');
  write('native/binding/addon.cc', '#include <node_api.h>\n\n#include "heap/heap.h"\n');
  write('lib/README.md', '1. `base` — words\n2. `pool` — buffers\n3. `entries` — what is exported\n');
  write('lib/base/errors.ts', "import path from 'node:path';\n");
  write('lib/pool/windows.ts', "import { makeError } from '../base/errors.js';\n");
  write('lib/pool/buffer.ts', "import * as view from './windows.js';\n");
  write('lib/index.ts', "export type { PooledBuffer } from './pool/buffer.js';\n");
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

test('an ordered tree has no violations', () => {
  expect(layerViolations(base)).toEqual([]);
});

test('an include of a layer to the right is a violation, with its file and line', () => {
  write('native/base/bits.h', '#pragma once\n#include "heap/slab.h"\n');
  expect(layerViolations(base)).toEqual([
    'native/base/bits.h:2: "heap/slab.h": base must not include heap (base → heap → binding)',
  ]);
});

test('a header of Node.js in the core is a violation', () => {
  write('native/heap/slab.h', '#include <node_api.h>\n');
  expect(layerViolations(base)).toEqual([
    'native/heap/slab.h:1: <node_api.h> is a header of Node.js; only binding includes those',
  ]);
});

test('an include that is not written from native/ is a violation', () => {
  write('native/heap/heap.h', '#include "slab.h"\n');
  expect(layerViolations(base)).toEqual([
    expect.stringContaining('native/heap/heap.h:1: "slab.h" is no file'),
  ]);
});

test('a folder that the list of layers lacks is a violation', () => {
  write('native/extra/x.h', '');
  expect(layerViolations(base)).toEqual(['native/extra: not a layer in the list of native/README.md']);
});

describe('in lib', () => {
  const order = '(base → pool → entries)';

  test.each([
    ['of a value', "import { windows } from '../pool/windows.js';"],
    ['of a type', "import type { Window } from '../pool/windows.js';"],
    ['of a type within an expression', "type Window = typeof import('../pool/windows.js');"],
    ['of all that another file has', "export * from '../pool/windows.js';"],
    ['while the program runs', "const load = () => import('../pool/windows.js');"],
    ['by require()', "const load = () => require('../pool/windows.js');"],
  ])('an import of a layer to the right, %s, is a violation, with its file and line', (_, line) => {
    write('lib/base/text.ts', `// Figures as text.\n${line}\n`);
    expect(layerViolations(base)).toEqual([
      `lib/base/text.ts:2: "../pool/windows.js": base must not import pool ${order}`,
    ]);
  });

  test('an import of an entry is a violation', () => {
    write('lib/pool/upkeep.ts', "import pool from '../index.js';\n");
    expect(layerViolations(base)).toEqual([
      `lib/pool/upkeep.ts:1: "../index.js": pool must not import entries ${order}`,
    ]);
  });

  test('files of one layer that import each other are a violation, which names them', () => {
    write('lib/pool/windows.ts', "import type { Upkeep } from './upkeep.js';\n");
    write('lib/pool/upkeep.ts', "import { PooledBuffer } from './buffer.js';\n");
    expect(layerViolations(base)).toEqual([
      'import cycle: lib/pool/buffer.ts → lib/pool/windows.ts → lib/pool/upkeep.ts → lib/pool/buffer.ts',
    ]);
  });

  test('a file that imports itself is a violation', () => {
    write('lib/base/errors.ts', "import * as self from './errors.js';\n");
    expect(layerViolations(base)).toEqual(['import cycle: lib/base/errors.ts → lib/base/errors.ts']);
  });

  test('an import of a file that is not there is a violation', () => {
    write('lib/base/text.ts', "import type { Missing } from './missing.js';\n");
    expect(layerViolations(base)).toEqual(['lib/base/text.ts:1: "./missing.js" is no file in lib/']);
  });

  test('what only looks like an import is none', () => {
    write('lib/base/text.ts', "// import '../pool/windows.js';\nconst text = \"from '../index.js'\";\n");
    expect(layerViolations(base)).toEqual([]);
  });

  test('a folder that the list of layers lacks is a violation', () => {
    write('lib/extra/x.ts', '');
    expect(layerViolations(base)).toEqual(['lib/extra: not a layer in the list of lib/README.md']);
  });

  test('a README.md without a list is a violation', () => {
    write('lib/README.md', '# lib/\n');
    expect(layerViolations(base)).toEqual(['lib/README.md: no numbered list of layers']);
  });
});

test('this tree has no violations', () => {
  expect(layerViolations()).toEqual([]);
});
