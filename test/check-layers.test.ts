// scripts/check-layers.mjs, on small trees of its own: it must find what breaks the order of layers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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

test('this tree has no violations', () => {
  expect(layerViolations()).toEqual([]);
});
