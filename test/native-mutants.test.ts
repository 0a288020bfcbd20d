// What scripts/mutate/native-mutants.mjs makes of C++: where it sees a mutant, and what takes its place.
import { describe, expect, test } from 'vitest';
import { mutantsOf, plant } from '../scripts/mutate/native-mutants.mjs';

/** The mutants of a line: what changes, and the line with that mutant alone in it, as number 7. */
const made = (line: string) =>
  Object.fromEntries(
    mutantsOf('a.cc', line).map((mutant) => [mutant.change, plant(line, [{ ...mutant, number: 7 }])]),
  );

describe('mutants of C++', () => {
  test('a comparison and a sum become their neighbours, whatever their operands are', () => {
    expect(made('  x = a[i] + f(b, c);')).toHaveProperty('+ → -', '  x = a[i] + ss_plus{7} + f(b, c);');
    expect(made('  return a * 2 <= b - c;')).toMatchObject({
      '<= → <': '  return a * 2 < ss_le{7} > b - c;',
      '- → +': '  return a * 2 <= b + ss_minus{7} + c;',
      'return one more': '  return (ss_mutant(7) ? (a * 2 <= b - c) + 1 : (a * 2 <= b - c));',
    });
  });

  test('a condition is negated, and a part of it left out', () => {
    expect(made('  if (f(a) && b != nullptr) return;')).toMatchObject({
      'if not (f(a) && b != nullptr)': '  if (ss_mutant(7) != !!(f(a) && b != nullptr)) return;',
      '&& b != nullptr left out': '  if (f(a) && (ss_mutant(7) || (b != nullptr))) return;',
    });
    expect(made('  ok = a || b;')).toHaveProperty('|| b left out', '  ok = a || (!ss_mutant(7) && (b));');
  });

  test('a condition with a declaration in front keeps it', () => {
    expect(made('  if (auto* p = f(); p->g()) h();')).toHaveProperty(
      'if not (p->g())',
      '  if (auto* p = f();ss_mutant(7) != !!( p->g())) h();',
    );
  });

  test('a statement on a line of its own is left out; a declaration and the end of another statement are not', () => {
    expect(made('    list.remove(s);')).toEqual({
      'list.remove(s); left out': '    { if (!ss_mutant(7)) list.remove(s); }',
    });
    expect(made('  ++count;')).toHaveProperty('++count; left out');
    for (const line of ['  Lock guard(*this);', '  auto* p = f();', '  return f();'])
      expect(Object.keys(made(line)).filter((change) => change.endsWith('left out'))).toEqual([]);
    expect(mutantsOf('a.cc', '  const int x =\n      f(1);').map(({ change }) => change)).toEqual(['1 → 2']);
  });

  test('a loop is one shorter, a number one larger, a call its opposite, an order weaker', () => {
    expect(made('  for (int i = 0; i < n; ++i) f();')).toHaveProperty(
      'up to n - 1',
      '  for (int i = 0; i < (n) - ss_mutant(7); ++i) f();',
    );
    expect(made('  x = 64u;')).toHaveProperty('64u → 65u', '  x = (ss_mutant(7) ? 65u : 64u);');
    expect(made('  x = std::min(a, (b));')).toHaveProperty(
      'std::min → std::max',
      '  x = (ss_mutant(7) ? std::max(a, (b)) : std::min(a, (b)));',
    );
    expect(made('  x = s->y.load(std::memory_order_acquire);')).toHaveProperty(
      'acquire → relaxed',
      '  x = (ss_mutant(7) ? s->y.load(std::memory_order_relaxed) : s->y.load(std::memory_order_acquire));',
    );
  });

  test('comments, text, directives, constants and assertions are left alone', () => {
    const lines = [
      '// a + b',
      '#if a == 1',
      'constexpr int k = 3 + 4;',
      '  assert(a < b);',
      '  f("a + b");  // 1',
    ];
    for (const line of lines) {
      const changes = Object.keys(made(line)).filter((change) => !change.startsWith('f('));
      expect(changes, line).toEqual([]);
    }
  });

  test('several mutants of a line stand beside each other, and each knows where', () => {
    const line = '  a = b + c * (d - 1);';
    const mutants = mutantsOf('a.cc', line)
      .filter(({ change }) => /^[+-] /.test(change))
      .map((mutant, i) => ({ ...mutant, number: i + 1 }));
    const planted = plant(line, mutants);
    expect(planted).toBe('  a = b + ss_plus{1} + c * (d + ss_minus{2} + 1);');
    for (const { at } of mutants as unknown as { at: [number, number] }[])
      expect(planted.slice(at[0] - 1, at[1])).toMatch(/^ \+ ss_\w+\{\d\} \+ $/);
  });
});
