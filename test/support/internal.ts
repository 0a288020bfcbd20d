// Modules of the build that the package does not export. Not imported from lib/: a second copy would be a
// second facade.
import { createRequire } from 'node:module';

/** The module lib/`name`.ts as it is built. */
export function internal<T>(name: string): T {
  return createRequire(import.meta.url)(`../../dist/cjs/${name}.js`) as T;
}
