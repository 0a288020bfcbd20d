/**
 * Milliseconds on the machine's monotonic clock. Unlike performance.now() it has no origin of its own in each process,
 * so on one machine the server's and the feeder's stamps can be compared.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
