// The default pool of this environment, as the native side has it. It is opened when this is loaded, before anything makes
// buffers: `buf.release()` tries the default pool first, and its magazines are constants there.
import { check, type NativePool } from '../addon/binding.js';
import { environment } from '../addon/environment.js';
import { type Magazines, magazinesOf } from './magazines.js';

export const DEFAULT_NAME = 'default';

export const defaultNative: NativePool = check(environment.openPool(undefined, DEFAULT_NAME));

export const defaultMagazines: Magazines = magazinesOf(defaultNative, DEFAULT_NAME);
