import type { PoolStats } from './pool-stats.js';

export function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = n;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

function row(cells: readonly (string | number)[], widths: readonly number[]): string {
  return cells.map((cell, i) => String(cell).padStart(widths[i]!)).join(' ');
}

/** What SUPERSLAB_STATS=1 prints at exit: one pool as text. */
export function reportText(stats: PoolStats): string {
  const rate = stats.acquires === 0 ? 0 : (100 * stats.hits) / stats.acquires;
  const lines = [
    `superslab pool "${stats.name}"`,
    `  memory   in use ${bytes(stats.inUseBytes)}, cached ${bytes(stats.cachedBytes)}, ` +
      `committed ${bytes(stats.committedBytes)}, peak ${bytes(stats.peakChargedBytes)}`,
    `  traffic  ${stats.acquires} acquires, ${stats.releases} releases, ${rate.toFixed(2)} % without a native call`,
    `  system   ${stats.superslabsTaken} superslabs taken, ${stats.superslabsGiven} given back, ` +
      `${bytes(stats.purgedBytes)} purged in ${stats.purges} calls, ${stats.pageFaults} page faults (process)`,
    `  trouble  ${stats.exhausted} exhausted, ${stats.osFailures} refused by the system, ` +
      `${stats.leakedBlocks} leaked (${bytes(stats.leakedBytes)}), ${stats.fallbacks} fallbacks`,
  ];
  const widths = [11, 12, 12, 10, 10, 10];
  lines.push(`  ${row(['block', 'acquires', 'in use', 'cached', 'refills', 'flushes'], widths)}`);
  for (const one of stats.classes) {
    lines.push(
      `  ${row(
        [bytes(one.blockBytes), one.acquires, one.inUseBlocks, one.cachedBlocks, one.refills, one.flushes],
        widths,
      )}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
