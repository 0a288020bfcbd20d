// Figures as text.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function inUnits(n: number, digits: (value: number, unit: number) => number): string {
  let unit = 0;
  let value = n;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(digits(value, unit))} ${UNITS[unit]}`;
}

/** What was measured: "4.0 KiB". */
export function bytes(n: number): string {
  return inUnits(n, (_, unit) => (unit === 0 ? 0 : 1));
}

/** What somebody chose: "4 KiB", "1.5 KiB". */
export function exactBytes(n: number): string {
  return inUnits(n, (value) => (Number.isInteger(value) ? 0 : 1));
}

/** 0.3141 is "31 %", 0.00314 "0.31 %": two digits, but never 100 % for less than all of it. */
export function percent(ratio: number): string {
  const value = ratio * 100;
  if (value === 0 || value >= 100) return `${Math.round(value)} %`;
  if (value > 99) return `${Math.min(value, 99.99).toFixed(2)} %`;
  return `${Number(value.toPrecision(2))} %`;
}

/** 1234567 is "1,234,567". */
export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

export function duration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${Number((ns / 1e3).toPrecision(3))} us`;
  if (ns < 1e9) return `${Number((ns / 1e6).toPrecision(3))} ms`;
  return `${Number((ns / 1e9).toPrecision(3))} s`;
}
