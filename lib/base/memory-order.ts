/**
 * Whether a thread's stores are seen by others in their order, and loads happen in theirs. Elsewhere words that other threads read, too,
 * are written and read by atomic operations that keep it.
 */
export const isStronglyOrdered = process.arch === 'x64';
