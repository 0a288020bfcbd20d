import { readFileSync } from 'node:fs';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';

const SAMPLE_MS = 50;

export interface ProcessStats {
  /** Bytes, the most since the process began. */
  rssPeak: number;
  rss: number;
  /** Bytes outside the JavaScript heap that V8 knows of, now and the most that was seen in samples 50 ms apart. */
  external: number;
  externalPeak: number;
  minorFaults: number;
  minorGcs: number;
  majorGcs: number;
  /** Milliseconds in which JavaScript stood still for the garbage collector. */
  gcPause: number;
  /** Milliseconds of processor time, user and system. */
  cpu: number;
}

interface GcEntry extends PerformanceEntry {
  detail: { kind: number };
}

/** Watches what a process costs while it works. */
export class ProcessWatch {
  #minorGcs = 0;
  #majorGcs = 0;
  #gcPause = 0;
  #externalPeak = 0;
  readonly #observer: PerformanceObserver;
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as GcEntry[]) {
        const { kind } = entry.detail;
        if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#majorGcs++;
        else if (kind === constants.NODE_PERFORMANCE_GC_MINOR) this.#minorGcs++;
        this.#gcPause += entry.duration;
      }
    });
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  read(): ProcessStats {
    this.#sample();
    const usage = process.resourceUsage();
    return {
      rssPeak: statusBytes('VmHWM') ?? usage.maxRSS * 1024,
      rss: process.memoryUsage.rss(),
      external: process.memoryUsage().external,
      externalPeak: this.#externalPeak,
      minorFaults: usage.minorPageFault,
      minorGcs: this.#minorGcs,
      majorGcs: this.#majorGcs,
      gcPause: this.#gcPause,
      cpu: (usage.userCPUTime + usage.systemCPUTime) / 1000,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#observer.disconnect();
  }

  #sample(): void {
    this.#externalPeak = Math.max(this.#externalPeak, process.memoryUsage().external);
  }
}

/**
 * A size in /proc/self/status. VmHWM and not getrusage's maxrss, because that one also remembers how large the process
 * that forked this one was.
 */
function statusBytes(field: string): number | undefined {
  try {
    const found = readFileSync('/proc/self/status', 'latin1').match(
      new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'),
    );
    return found === null ? undefined : Number(found[1]) * 1024;
  } catch {
    return undefined; // not Linux
  }
}
