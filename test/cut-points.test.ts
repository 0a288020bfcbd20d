// The whole API, cut off at each place where V8 looks for interruptions, one after the other: where a function is entered, one
// of JavaScript's own included, and where a loop turns. test/interruption.test.ts has the real thing, with the places that happen to come.
import { expect, test } from 'vitest';
import { withPoints } from './support/cut-points.js';
import { testEachStep } from './support/cut-steps.js';

test.each([
  ['functions, one of them called by map()', 'const f = (a) => a.map((b) => ({ b }))', 3],
  ['loops', 'for (;;) while (b) c(); class D { get e() { return 1; } }', 3],
  ['a loop that asks what is next', 'for (const a of b) c(a)', 2],
  [
    'functions of JavaScript itself',
    'a.delete(1); new Map(); (0, builtins_js_1.lengthOf)(b,); a.b.native.give(c)',
    3,
  ],
  ['getters', 'a.size + b.byteLength; c.size = 1; c.size++', 2],
])('places: %s', (_, source, count) => {
  const places = withPoints(source);
  expect(places.match(/__cutPoint\(\)/g)).toHaveLength(count);
  expect(() => new Function(places)).not.toThrow();
});

testEachStep();
