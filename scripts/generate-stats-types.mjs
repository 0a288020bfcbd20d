// Writes lib/pool-stats.ts from native/heap/stats.def, the one list of statistics.
//
//   node scripts/generate-stats-types.mjs [--check]
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, 'native/heap/stats.def');
const target = path.join(root, 'lib/pool-stats.ts');

const rows = [
  ...fs
    .readFileSync(source, 'utf8')
    .matchAll(
      /^(HEAP|CLASS|POOL|PROCESS)_(?:PROCESS_)?(?:STAT|LEVEL)\((?:\w+, )?"(\w+)", "([^"]+)",\s*"([^"]+)"\)/gm,
    ),
];
if (rows.length === 0) throw new Error(`no statistics found in ${source}`);

const fields = (scope) =>
  rows
    .filter((row) => row[1].replace('PROCESS', 'HEAP') === scope)
    .map(
      ([, , name, unit, meaning]) =>
        `  /** ${meaning[0].toUpperCase()}${meaning.slice(1)}. Unit: ${unit}. */\n  readonly ${name}: number;`,
    )
    .join('\n');

const text = `// Generated from native/heap/stats.def by scripts/generate-stats-types.mjs. Do not edit.

/** Figures of the heap behind a pool. */
export interface HeapStats {
${fields('HEAP')}
}

/** Figures of one size class, over all threads. Exact while the threads rest. */
export interface ClassStats {
  /** Size of its blocks. Unit: bytes. */
  readonly blockBytes: number;
${fields('CLASS')}
}

/** What {@link BufferPool.stats} returns. */
export interface PoolStats extends HeapStats {
  readonly name: string;
  readonly closed: boolean;
${fields('POOL')}
  /** The size classes that were used. */
  readonly classes: readonly ClassStats[];
}
`;

if (process.argv.includes('--check')) {
  if (fs.existsSync(target) && fs.readFileSync(target, 'utf8') === text) process.exit(0);
  console.error('lib/pool-stats.ts is stale: run "node scripts/generate-stats-types.mjs"');
  process.exit(1);
}
fs.writeFileSync(target, text);
