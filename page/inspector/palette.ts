/**
 * Colours of the map, from the theme's custom properties: lists of stops, mixed in OKLab so that equal steps look
 * equal. A colour is a pixel of ImageData as one little-endian 32-bit number.
 */
import { FULL, TAG_HUGE } from './map-format.js';

export type Mode = 'fullness' | 'class' | 'temperature';

export interface Palette {
  readonly ground: number;
  readonly line: number;
  readonly spare: number;
  readonly free: number;
  readonly mark: number;
  /** By tag. */
  readonly classes: Uint32Array;
  /** By fullness, 0 to 15. */
  readonly fullness: Uint32Array;
  /** By heat, 0 coldest. */
  readonly heat: Uint32Array;
  readonly untouched: number;
}

export const HEAT_STEPS = 32;
const COLDEST_MS = 60_000;

/** Step of the heat scale for a slice at rest for so long: logarithmic, the last second is the hottest. */
export function heatStep(restedMs: number): number {
  const cold = Math.log1p(Math.max(restedMs - 1000, 0) / 1000) / Math.log1p(COLDEST_MS / 1000);
  return Math.round((1 - Math.min(cold, 1)) * (HEAT_STEPS - 1));
}

type Lab = readonly [number, number, number];

export function readPalette(style: CSSStyleDeclaration): Palette {
  const one = (name: string) => pixel(parse(style.getPropertyValue(name)));
  const stops = (name: string) => style.getPropertyValue(name).trim().split(/\s+/).map(parse);
  const classes = new Uint32Array(256).fill(one('--map-free'));
  const classStops = stops('--map-class');
  for (let tag = 1; tag <= 64; tag++) classes[tag] = mix(classStops, (tag - 1) / 63);
  classes[TAG_HUGE] = one('--map-huge');
  const ramp = (name: string, steps: number) => {
    const list = stops(name);
    return Uint32Array.from({ length: steps }, (_, i) => mix(list, i / (steps - 1)));
  };
  return {
    ground: one('--map-ground'),
    line: one('--map-line'),
    spare: one('--map-spare'),
    free: one('--map-free'),
    mark: one('--map-mark'),
    classes,
    fullness: ramp('--map-fullness', FULL + 1),
    heat: ramp('--map-heat', HEAT_STEPS),
    untouched: one('--map-untouched'),
  };
}

/** The colour `share` of the way from `from` to `to`. */
export function between(from: number, to: number, share: number): number {
  return mix([lab(rgb(from)), lab(rgb(to))], share);
}

export function css(colour: number): string {
  return `rgb(${rgb(colour).join(' ')})`;
}

const rgb = (colour: number) => [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255] as const;

function parse(text: string): Lab {
  const hex = /#([0-9a-f]{6})/i.exec(text)?.[1] ?? 'ff00ff';
  return lab([0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
}

function mix(stops: readonly Lab[], at: number): number {
  const place = at * (stops.length - 1);
  const left = Math.min(Math.floor(place), Math.max(stops.length - 2, 0));
  const [a, b] = [stops[left]!, stops[left + 1] ?? stops[left]!];
  const share = place - left;
  return pixel([0, 1, 2].map((i) => a[i]! + (b[i]! - a[i]!) * share) as unknown as Lab);
}

// Björn Ottosson, "A perceptual color space for image processing", 2020.
function lab(channels: readonly number[]): Lab {
  const [r, g, b] = channels.map((value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function pixel([L, a, b]: Lab): number {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channel = (c: number) => {
    const encoded = c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055;
    return Math.round(Math.min(Math.max(encoded, 0), 1) * 255);
  };
  const red = channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
  const green = channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
  const blue = channel(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s);
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}
