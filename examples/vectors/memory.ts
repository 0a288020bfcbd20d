import { readFileSync } from 'node:fs';

/**
 * What this process has of a file in memory, in bytes, where a page that several processes have counts for each as its part (PSS): summed
 * over all of them it is what the file takes.
 */
export function proportionalBytes(path: string): number {
  const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  return mappings
    .filter((text) => text.slice(0, text.indexOf('\n')).endsWith(` ${path}`))
    .reduce((sum, text) => sum + Number(/^Pss: +(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024, 0);
}
