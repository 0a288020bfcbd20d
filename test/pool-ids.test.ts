// Ids of pools near their end: homes have 24 bits for them.
import { BufferPool } from 'superslab';
import { afterEach, expect, test, vi } from 'vitest';
import { internal } from './support/internal.js';

const { environment } = internal<typeof import('../lib/addon/environment.js')>('addon/environment');

afterEach(() => void vi.restoreAllMocks());

/** The next pool that is opened gets this id from the native side, which is told nothing of its end. */
function nextPoolHas(id: number): { readonly closed: number[] } {
  const closed: number[] = [];
  const open = environment.openPool;
  vi.spyOn(environment, 'openPool').mockImplementation((...values) => {
    const opened = open(...values);
    if (typeof opened === 'object' && 'magazines' in opened) {
      Object.assign(opened, { id });
      vi.spyOn(opened, 'close').mockImplementation(() => void closed.push(opened.id));
    }
    return opened;
  });
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
