/** Five charts over the same five minutes; the pointer in one reads them all. */
import type uPlotType from 'uplot';
import { decades, niceTop, rateFloor } from './axis.js';
import { byId, el, setText } from './dom.js';
import { KEEP_SECONDS, type Sample } from './samples.js';
import { bytes, count, nanoseconds, percent } from './units.js';

// The classic script uplot.js, loaded before this module.
declare const uPlot: typeof uPlotType;

interface Curve {
  readonly label: string;
  readonly of: keyof Sample;
  /** The theme's custom property. */
  readonly colour: string;
  readonly isFilled?: boolean;
}

interface ChartSpec {
  readonly title: string;
  readonly format: (value: number | undefined) => string;
  readonly curves: readonly Curve[];
  readonly range: (min: number | null, max: number | null) => [number, number];
  readonly marks: (low: number, high: number) => number[];
  readonly isLogarithmic?: boolean;
}

const thirds = (low: number, high: number) => [low, (low + high) / 2, high];

const CHARTS: readonly ChartSpec[] = [
  {
    title: 'Throughput per second',
    format: count,
    curves: [
      { label: 'acquires', of: 'acquires', colour: '--curve-1', isFilled: true },
      { label: 'releases', of: 'releases', colour: '--curve-2' },
    ],
    range: (_, max) => [0, niceTop(max ?? 0)],
    marks: thirds,
  },
  {
    title: 'Hit rate',
    format: percent,
    curves: [{ label: 'without a native call', of: 'hitRate', colour: '--curve-4', isFilled: true }],
    range: (min) => [rateFloor(min ?? 0), 1],
    marks: thirds,
  },
  {
    title: 'Memory',
    format: bytes,
    curves: [
      { label: 'RSS', of: 'rss', colour: '--curve-3' },
      { label: 'committed', of: 'committed', colour: '--curve-2' },
      { label: 'in use', of: 'inUse', colour: '--curve-1', isFilled: true },
    ],
    range: (_, max) => [0, niceTop(max ?? 0, 1024)],
    marks: thirds,
  },
  {
    title: 'Page faults per second',
    format: count,
    curves: [
      { label: 'minor', of: 'minorFaults', colour: '--curve-3', isFilled: true },
      { label: 'major', of: 'majorFaults', colour: '--curve-5' },
    ],
    range: (_, max) => [0, niceTop(Math.max(max ?? 0, 10))],
    marks: thirds,
  },
  {
    title: 'Slow path',
    format: nanoseconds,
    curves: [
      { label: 'p50', of: 'p50', colour: '--curve-4' },
      { label: 'p95', of: 'p95', colour: '--curve-2' },
      { label: 'p99', of: 'p99', colour: '--curve-5' },
    ],
    range: (min, max) => decades(min ?? 0, max ?? 0),
    marks: (low, high) => {
      const all: number[] = [];
      for (let at = low; at <= high * 1.001; at *= 10) all.push(at);
      return all.length > 4 ? all.filter((_, i) => i % 2 === 0) : all;
    },
    isLogarithmic: true,
  },
];

const AXIS_WIDTH = 58;
/** With room for half of the lowest mark's text above. */
const TIME_HEIGHT = 26;

class Chart {
  readonly #spec: ChartSpec;
  readonly #plot: uPlotType;
  readonly #values: HTMLElement[] = [];
  readonly #frame = el('div', { class: 'plot' });
  readonly #hasTime: boolean;
  #list: readonly Sample[] = [];
  #end = 0;

  constructor(spec: ChartSpec, parent: HTMLElement, hasTime: boolean) {
    this.#spec = spec;
    this.#hasTime = hasTime;
    const keys = spec.curves.map((curve) => {
      const value = el('output', {}, '–');
      this.#values.push(value);
      const line = el('i', { 'aria-hidden': 'true' });
      line.style.background = `var(${curve.colour})`;
      return el('span', { class: 'key' }, line, curve.label, ' ', value);
    });
    const title = el('figcaption', {}, el('h3', {}, spec.title), el('span', { class: 'keys' }, ...keys));
    parent.append(el('figure', {}, title, this.#frame));
    this.#plot = new uPlot(this.#options(), [[]], this.#frame);
    new ResizeObserver(() => this.#resize()).observe(this.#frame);
    this.#resize();
  }

  show(list: readonly Sample[], end: number): void {
    this.#list = list;
    this.#end = end;
    const data = [
      list.map(({ at }) => at),
      ...this.#spec.curves.map(({ of }) => list.map((sample) => sample[of])),
    ];
    this.#plot.setData(data as unknown as uPlotType.AlignedData);
    this.#read();
  }

  redraw(): void {
    this.#plot.redraw(false, true);
  }

  #resize(): void {
    const width = this.#frame.clientWidth;
    const height = this.#frame.clientHeight;
    if (width > 0 && height > 0) this.#plot.setSize({ width, height });
  }

  /** The figures beside the title: where the pointer is, else the last. */
  #read(): void {
    const sample = this.#list[this.#plot.cursor.idx ?? this.#list.length - 1];
    this.#spec.curves.forEach(({ of }, i) => {
      setText(this.#values[i]!, this.#spec.format(sample?.[of] ?? undefined));
    });
  }

  #options(): uPlotType.Options {
    const spec = this.#spec;
    const theme = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const font = () => `11px ${getComputedStyle(document.body).fontFamily}`;
    const ends = () => [this.#end - KEEP_SECONDS, this.#end] as [number, number];
    const shared = { stroke: () => theme('--soft'), font: font() };
    return {
      width: 300,
      height: 80,
      padding: [7, 16, this.#hasTime ? 0 : 4, 0],
      legend: { show: false },
      cursor: {
        y: false,
        drag: { x: false, y: false },
        sync: { key: 'superslab', setSeries: false },
        points: { size: 6 },
      },
      hooks: { setCursor: [() => this.#read()] },
      scales: {
        x: { time: false, range: ends },
        y: {
          distr: spec.isLogarithmic ? 3 : 1,
          range: (_plot, min, max) => spec.range(min, max),
        },
      },
      axes: [
        {
          ...shared,
          size: this.#hasTime ? TIME_HEIGHT : 0,
          gap: 10,
          ticks: { show: false },
          grid: { show: true, stroke: () => theme('--grid'), width: 1 },
          splits: () => [300, 240, 180, 120, 60, 0].map((ago) => this.#end - ago),
          values: (_plot, splits) =>
            this.#hasTime
              ? splits.map((at) => (at === this.#end ? 'now' : `−${Math.round((this.#end - at) / 60)} min`))
              : splits.map(() => ''),
        },
        {
          ...shared,
          size: AXIS_WIDTH,
          gap: 6,
          ticks: { show: false },
          grid: { show: true, stroke: () => theme('--grid'), width: 1 },
          // uPlot leaves out most marks of a logarithmic scale.
          filter: (_plot, splits) => splits,
          splits: (plot) => spec.marks(plot.scales.y!.min ?? 0, plot.scales.y!.max ?? 1),
          values: (_plot, splits) => splits.map((value) => spec.format(value)),
        },
      ],
      series: [
        {},
        ...spec.curves.map((curve) => ({
          label: curve.label,
          stroke: () => theme(curve.colour),
          width: 1.5,
          points: { show: false },
          ...(curve.isFilled
            ? { fill: () => `color-mix(in srgb, ${theme(curve.colour)} 14%, transparent)` }
            : {}),
        })),
      ],
    };
  }
}

export class Curves {
  readonly #charts: Chart[];

  constructor() {
    const parent = byId('curves-body');
    this.#charts = CHARTS.map((spec, i) => new Chart(spec, parent, i === CHARTS.length - 1));
    document.addEventListener('superslab:theme', () => {
      for (const chart of this.#charts) chart.redraw();
    });
  }

  show(list: readonly Sample[], end: number): void {
    for (const chart of this.#charts) chart.show(list, end);
  }
}
