// Ids of pools near their end: homes have 24 bits for them.
import { BufferPool } from 'superslab';
import { afterEach, expect, test, vi } from 'vitest';
import { internal } from './support/internal.js';

const { binding } = internal<typeof import('../lib/addon/binding.js')>('addon/binding');

afterEach(() => void vi.restoreAllMocks());

/** The next pool that is opened gets this id from the native side, which is told nothing of it afterwards. */
function nextPoolHas(id: number): { readonly closed: number[] } {
  const closed: number[] = [];
  const open = binding.openPool;
  vi.spyOn(binding, 'openPool').mockImplementation((...values) => {
    const opened = open(...values);
    if (typeof opened === 'object' && 'magazines' in opened) Object.assign(opened, { id });
    return opened;
  });
  vi.spyOn(binding, 'closePool').mockImplementation((one) => void closed.push(one));
  return { closed };
}

test('a pool whose id has no place in a home is refused, and closed', () => {
  const { closed } = nextPoolHas(2 ** 24);
  expect(() => new BufferPool({ name: 'late' })).toThrowError(
    expect.objectContaining({
      code: 'ERR_SUPERSLAB_NO_MEMORY',
      message: expect.stringMatching(/"late".*16777216 pools.*worker/),
    }),
  );
  expect(closed).toEqual([2 ** 24]);
});
