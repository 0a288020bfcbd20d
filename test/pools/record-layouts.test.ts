// Layouts against a DataView: whatever fields a record has, each is where it should be, and nobody else's.
import fc from 'fast-check';
import { array, bytes, type FieldType, RecordPool, record, type ScalarType } from 'superslab/pools';
import { describe, expect, test } from 'vitest';
import { childJson } from '../support/child.js';

const unwatched = { leakDetection: 'off', guard: 'off' } as const;

/** How a number of each type is written to and read from a DataView. */
const views: Record<
  ScalarType,
  { bytes: number; get: keyof DataView; set: keyof DataView; values: fc.Arbitrary<unknown> }
> = {
  i8: { bytes: 1, get: 'getInt8', set: 'setInt8', values: fc.integer() },
  u8: { bytes: 1, get: 'getUint8', set: 'setUint8', values: fc.integer() },
  i16: { bytes: 2, get: 'getInt16', set: 'setInt16', values: fc.integer() },
  u16: { bytes: 2, get: 'getUint16', set: 'setUint16', values: fc.integer() },
  i32: { bytes: 4, get: 'getInt32', set: 'setInt32', values: fc.integer() },
  u32: { bytes: 4, get: 'getUint32', set: 'setUint32', values: fc.integer() },
  f32: { bytes: 4, get: 'getFloat32', set: 'setFloat32', values: fc.double({ noNaN: true }) },
  f64: { bytes: 8, get: 'getFloat64', set: 'setFloat64', values: fc.double({ noNaN: true }) },
  i64: { bytes: 8, get: 'getBigInt64', set: 'setBigInt64', values: fc.bigInt() },
  u64: { bytes: 8, get: 'getBigUint64', set: 'setBigUint64', values: fc.bigInt() },
  bool: { bytes: 1, get: 'getUint8', set: 'setUint8', values: fc.boolean() },
};
const scalarTypes = Object.keys(views) as ScalarType[];
const scalar = fc.constantFrom(...scalarTypes);

type Access = {
  get(view: DataView, at: number): unknown;
  set(view: DataView, at: number, value: unknown): void;
};
const accessOf = (type: ScalarType): Access => {
  const { get, set } = views[type];
  return {
    get: (view, at) => {
      const value = (view[get] as (at: number, little: boolean) => unknown)(at, true);
      return type === 'bool' ? value !== 0 : value;
    },
    set: (view, at, value) => {
      (view[set] as (at: number, value: unknown, little: boolean) => void)(
        at,
        type === 'bool' ? Number(value) : value,
        true,
      );
    },
  };
};

/** A field, and the numbers in it: how to reach each, and where it lies. */
interface Leaf {
  readonly type: ScalarType;
  readonly offset: number;
  readonly path: readonly (string | number)[];
}

function leavesOf(type: FieldType, offset: number, path: readonly (string | number)[]): Leaf[] {
  if (typeof type === 'string') return [{ type, offset, path }];
  if (type.kind === 'bytes')
    return Array.from({ length: type.length }, (_, i) => ({
      type: 'u8',
      offset: offset + i,
      path: [...path, i],
    }));
  if (type.kind === 'record') {
    const { placed } = type as ReturnType<typeof record>;
    return placed.flatMap((field) => leavesOf(field.type, offset + field.offset, [...path, field.name]));
  }
  const { element, length } = type;
  const size =
    typeof element === 'string' ? views[element].bytes : (element as ReturnType<typeof record>).bytes;
  return Array.from({ length }, (_, i) => leavesOf(element, offset + i * size, [...path, i])).flat();
}

const fieldsOf = (type: fc.Arbitrary<FieldType>) =>
  fc
    .array(type, { minLength: 1, maxLength: 6 })
    .map((types) => record(types.map((one, i) => [`f${i}`, one] as const)));
const flat: fc.Arbitrary<FieldType> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 9 }).map(bytes) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(scalar, fc.integer({ min: 1, max: 4 }))
      .map(([type, n]) => array(type, n) as FieldType),
  },
);
const layouts = fieldsOf(
  fc.oneof(
    { weight: 3, arbitrary: flat },
    { weight: 1, arbitrary: fieldsOf(flat) as fc.Arbitrary<FieldType> },
    { weight: 1, arbitrary: fieldsOf(flat).map((inner) => array(inner, 2) as FieldType) },
  ),
);

type Node = Record<string | number, unknown>;
function reach(entry: unknown, path: readonly (string | number)[]): { owner: Node; name: string | number } {
  let owner = entry as Node;
  for (const step of path.slice(0, -1)) owner = owner[step] as Node;
  return { owner, name: path.at(-1)! };
}

/** bool is a number in typed arrays. */
const same = (value: unknown, wanted: unknown) =>
  Object.is(Number(value), Number(wanted)) || Object.is(value, wanted);

describe('any layout', () => {
  test('has its fields where a DataView finds them, with and without columns', () => {
    fc.assert(
      fc.property(layouts, fc.infiniteStream(fc.nat()), fc.boolean(), (layout, numbers, hasColumns) => {
        const columns = hasColumns
          ? layout.placed.filter(({ type }) => typeof type === 'string').map(({ name }) => name)
          : [];
        using pool = new RecordPool(layout, {
          ...unwatched,
          columns: columns as never[],
          max: 5,
          zero: 'acquire',
        });
        const entries = Array.from({ length: 5 }, () => pool.get());
        const leaves = layout.placed.flatMap((field) => leavesOf(field.type, field.offset, [field.name]));
        const copies = entries.map(() => new DataView(new ArrayBuffer(layout.bytes)));
        for (let i = 0; i < 60; i++) {
          const at = (numbers.next().value as number) % 5;
          const { type, offset, path } = leaves[(numbers.next().value as number) % leaves.length]!;
          const [value] = fc.sample(views[type].values, { numRuns: 1, seed: numbers.next().value as number });
          const { owner, name } = reach(entries[at], path);
          // The elements of arrays of flags are bytes.
          owner[name] = type === 'bool' && typeof name === 'number' ? Number(value) : value;
          accessOf(type).set(copies[at]!, offset, value);
        }
        entries.forEach((entry, at) => {
          for (const { type, offset, path } of leaves) {
            const { owner, name } = reach(entry, path);
            const wanted = accessOf(type).get(copies[at]!, offset);
            if (!same(owner[name], wanted))
              throw new Error(`${path.join('.')} is ${owner[name]}, not ${wanted}`);
          }
        });
        for (const { name, type } of layout.placed) {
          if (!columns.includes(name)) continue;
          const wanted = entries.map((entry) => (entry as unknown as Node)[name]);
          expect([...pool.column(name as never)].map(Number)).toEqual(wanted.map(Number));
          expect(type).toBeTypeOf('string');
        }
        for (const entry of entries) pool.put(entry);
      }),
      { numRuns: 150 },
    );
  });

  test('is the same where no code may be made from strings', async () => {
    const program = `
      import { array, bytes, RecordPool, record } from 'superslab/pools';
      let mayGenerate = true;
      try { new Function(''); } catch { mayGenerate = false; }
      const layout = record({ a: 'u8', time: 'f64', flag: 'bool', id: 'i64', at: record({ x: 'f32', y: 'u16' }),
        path: array(record({ x: 'i16' }), 3), marks: array('u32', 2), text: bytes(5) });
      const said = [];
      const attempt = (what) => { try { what(); } catch (error) { said.push(error.message.replace(/[0-9]{6,}/g, 'N').split('\\n')[0]); } };
      const options = { name: 'strict', columns: ['time', 'flag'], checked: true };
      for (const guard of ['off', 'poison']) {
        const pool = new RecordPool(layout, { ...options, guard, leakDetection: 'off' });
        const entries = [pool.get(), pool.get(), pool.get()];
        entries.forEach((entry, i) => {
          Object.assign(entry, { a: i, time: i + 0.5, flag: i === 1, id: -BigInt(i) });
          entry.at.y = i;
          entry.path[2].x = -i;
          entry.marks[1] = i;
          entry.text.write('abc', i);
        });
        attempt(() => { entries[0].a = 256; });
        attempt(() => { entries[0].at = 1; });
        said.push(entries.map(({ a, time, flag, id, at, path, marks, text }) =>
          [a, time, flag, String(id), at.y, path[2].x, marks[1], text.toString('latin1').replaceAll('\\0', '')]));
        said.push([...pool.column('time')], [...pool.column('flag')]);
        const reader = RecordPool.open('strict', layout);
        const seen = reader.at(pool.handle(entries[2]));
        said.push([seen.a, seen.time, seen.at.y, seen.path[2].x, seen.text[2]]);
        attempt(() => { seen.a = 1; });
        for (const entry of entries) pool.put(entry);
        attempt(() => seen.a);
        attempt(() => seen.text);
        if (guard === 'poison') attempt(() => entries[0].a);
        pool.close();
      }
      console.log(JSON.stringify({ mayGenerate, said }));`;
    const env = { SUPERSLAB_LEAK_DETECTION: 'off', SUPERSLAB_GUARD: 'off' };
    const [free, strict] = await Promise.all([
      childJson(program, { env }),
      childJson(program, { env, nodeArguments: ['--disallow-code-generation-from-strings'] }),
    ]);
    expect([free.mayGenerate, strict.mayGenerate]).toEqual([true, false]);
    const words = (said: unknown[]) =>
      // V8 words a property without a setter by the class, which has another name.
      said.map((one) => (typeof one === 'string' ? one.replace(/of .* which has only a getter/, '') : one));
    expect(words(strict.said)).toEqual(words(free.said));
    expect(free.said.length).toBeGreaterThan(12);
  });
});
