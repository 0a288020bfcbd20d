/** Nearest-rank quantile, `q` from 0 to 1; 0 of nothing. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? 0 : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Half the distance between the quartiles as a part of the median: how far rounds lie apart. */
export function spread(values: ArrayLike<number>): number {
  const middle = median(values);
  if (values.length < 3 || middle === 0) return 0;
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / middle;
}
