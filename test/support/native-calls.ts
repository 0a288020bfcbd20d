// Native functions, watched: those of the addon, of the environment and of one pool.
import { type MockInstance, vi } from 'vitest';
import type { NativePool } from '../../lib/addon/binding.js';
import { internal } from './internal.js';

const { binding } = internal<typeof import('../../lib/addon/binding.js')>('addon/binding');
const { environment } = internal<typeof import('../../lib/addon/environment.js')>('addon/environment');
const { openCores } = internal<typeof import('../../lib/pool/cores.js')>('pool/cores');

/** The native object of the open pool that was made last under this name. */
export function nativePool(name: string): NativePool {
  const [core] = [...openCores.values()].filter((one) => one.name === name).reverse();
  return core!.native;
}

/** What all pools' objects have their methods of, but for the hot ones. */
export const sharedPoolMethods: NativePool = Object.getPrototypeOf(nativePool('default'));

/** Of each native function that work with `pool` can call. Until vi.restoreAllMocks(). */
export function spyOnNative(pool: NativePool): MockInstance[] {
  // The hot ones are the object's own once they were looked at.
  for (const name of Object.getOwnPropertyNames(sharedPoolMethods)) Reflect.get(pool, name);
  return [binding, environment, sharedPoolMethods, pool].flatMap((object) =>
    Object.entries(Object.getOwnPropertyDescriptors(object))
      .filter(([name, { value }]) => typeof value === 'function' && name !== 'constructor')
      .map(([name]) => vi.spyOn(object, name as never) as MockInstance),
  );
}
