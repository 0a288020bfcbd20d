/** Scales whose marks are round numbers, so that they stay where they are while the curve moves. */

/** From 0 to a round number above `max`; with `base` 1024 round in KiB, MiB, GiB. */
export function niceTop(max: number, base: 1000 | 1024 = 1000): number {
  if (!(max > 0)) return base === 1024 ? 1024 : 1;
  const unit = base ** Math.floor(Math.log(max) / Math.log(base) + 1e-9);
  const rest = max / unit;
  const tens = 10 ** Math.floor(Math.log10(rest) + 1e-9);
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((one) => one * tens >= rest)!;
  const top = step * tens;
  // 1,000 KiB and more is not round any more: the next unit is.
  return top >= base ? unit * base : top * unit;
}

/** Lower end of the scale of a hit rate: all of it, or the part where it is told apart. */
export function rateFloor(min: number): number {
  return [0.999, 0.99, 0.9, 0.5].find((floor) => min >= floor) ?? 0;
}

/** Powers of ten that enclose what is shown, at least two apart. */
export function decades(min: number, max: number): [number, number] {
  if (!(min > 0) || !(max > 0)) return [100, 10_000];
  const low = 10 ** Math.floor(Math.log10(min) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(max) - 1e-9);
  return [low, Math.max(high, low * 100)];
}
