// What pools tell the subscribers of the channels.
import type { PoolIdentity, PoolTeller } from '../pool/observers.js';
import { channels, type PoolExhaustedMessage, policyChannel } from './channels.js';

function tellingGrowth<T>(pool: PoolIdentity, work: () => T): T {
  if (!channels.grow.hasSubscribers) return work();
  const before = pool.native.committedBytes();
  const result = work();
  const committedBytes = pool.native.committedBytes();
  const bytes = committedBytes - before;
  if (bytes > 0) channels.grow.publish({ pool: pool.name, bytes, committedBytes });
  return result;
}

function committedForTrim(pool: PoolIdentity): number {
  return channels.trim.hasSubscribers ? pool.native.committedBytes() : -1;
}

function tellTrim(pool: PoolIdentity, before: number): void {
  if (before < 0) return;
  const committedBytes = pool.native.committedBytes();
  const bytes = before - committedBytes;
  if (bytes > 0) channels.trim.publish({ pool: pool.name, bytes, committedBytes });
}

function tellingTrim<T>(pool: PoolIdentity, work: () => T): T {
  const before = committedForTrim(pool);
  const result = work();
  tellTrim(pool, before);
  return result;
}

function tellExhausted(
  { name, maxBytes }: PoolIdentity & { readonly maxBytes: number },
  size: number,
  outcome: PoolExhaustedMessage['outcome'],
): boolean {
  if (!channels.exhausted.hasSubscribers) return false;
  channels.exhausted.publish({ pool: name, size, maxBytes, outcome });
  return true;
}

/** How many events of each heap this thread has told of. */
const told = new Map<number, number>();

function tellLearned({ name, native }: PoolIdentity): void {
  if (!policyChannel.hasSubscribers) return;
  const stats = native.stats();
  if (stats?.learning === undefined) return;
  const { heapId, learning } = stats;
  const before = told.get(heapId) ?? 0;
  // First of all: subscribers may do anything.
  told.set(heapId, learning.count);
  const fresh = Math.min(learning.count - before, learning.events.length);
  for (let age = fresh - 1; age >= 0; age--) policyChannel.publish({ pool: name, ...learning.events[age]! });
}

export const poolTeller: PoolTeller = {
  tellingGrowth,
  tellingTrim,
  committedForTrim,
  tellTrim,
  tellExhausted,
  tellLearned,
};
