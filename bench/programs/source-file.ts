import { fileURLToPath } from 'node:url';

/** A file of bench/programs as it was written: the compiler copies only what it compiles. */
export function sourceFile(name: string): string {
  return fileURLToPath(new URL(`../../../bench/programs/${name}`, import.meta.url));
}
