// scripts/check-coercions.mjs, on small trees of its own.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { coercions } from '../scripts/check-coercions.mjs';

let base: string;
const write = (text: string) => writeFileSync(join(base, 'native/binding/calls.cc'), text);

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'superslab-coercions-'));
  mkdirSync(join(base, 'native/binding'), { recursive: true });
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

test('reading a value as what it is passes', () => {
  write('const std::string s = info[0].As<Napi::String>().Utf8Value();  // not ToString()\n');
  expect(coercions(base)).toEqual([]);
});

test('each coercion is found, with its file and line', () => {
  write(
    'info[0].ToString();\nif (x.ToBoolean()) {}\nx.ToNumber ();\nx.ToObject();\nnapi_coerce_to_bool(a);\n',
  );
  expect(coercions(base).map((line: string) => line.split(' ').slice(0, 2))).toEqual([
    ['native/binding/calls.cc:1:', 'ToString'],
    ['native/binding/calls.cc:2:', 'ToBoolean'],
    ['native/binding/calls.cc:3:', 'ToNumber'],
    ['native/binding/calls.cc:4:', 'ToObject'],
    ['native/binding/calls.cc:5:', 'napi_coerce_to_bool'],
  ]);
});

test('this tree has none', () => {
  expect(coercions()).toEqual([]);
});
