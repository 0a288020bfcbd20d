import { Alarm } from '../../addon/alarm.js';
import type { NativeSharedCache } from '../../addon/cache-binding.js';
import { now } from '../../addon/clock.js';
import { atSignal } from '../../addon/environment.js';
import { builtins } from '../../base/builtins.js';

/** What takeNews() returns when somebody has left the cache, or died. */
const SOMEBODY_LEFT = 2;

/** Where the system does not tell: after so long, and each time after twice as long. Unit: ms. */
const FIRST_LOOK_MS = 1;
const LAST_LOOK_MS = 16;
/** The kernel tells of a death moments before it takes the locks of the dead: for so long those who wait look each FIRST_LOOK_MS. */
const HURRY_MS = 20;
/** And should ever nobody be told, because JavaScript was cut off where it was, or because of damage. */
const SAFETY_LOOK_MS = 250;
/** Nobody has waited for so long: the kernel need not tell any more. */
const DEAF_AFTER_MS = 1000;

const listening = new Set<News>();
atSignal(() => {
  for (const news of [...listening]) news.heed();
});

/** Wakes those of this thread who wait for a value that another thread or process computes. */
export class News {
  readonly #native: NativeSharedCache;
  readonly #waiting = new Set<() => void>();
  readonly #alarm = new Alarm(() => this.#deafenUnlessAwaited());
  /** Whether the system tells. */
  #isListening = false;
  /** Of now(). */
  #hurriesUntil = 0;

  constructor(native: NativeSharedCache) {
    this.#native = native;
  }

  /** What happens from now on is told. To be called before one looks what there is to wait for. */
  listen(): void {
    if (this.#isListening) return;
    this.#alarm.ringWithin(DEAF_AFTER_MS);
    listening.add(this);
    this.#isListening = this.#native.listen();
    if (!this.#isListening) listening.delete(this);
  }

  /**
   * Resolved when it is worth looking again, after `mostMs` at the latest. `looks`: how often somebody has looked before.
   */
  next(mostMs: number, looks: number): Promise<void> {
    let ms = Math.min(FIRST_LOOK_MS * 2 ** looks, LAST_LOOK_MS);
    if (this.#isListening) ms = now() < this.#hurriesUntil ? FIRST_LOOK_MS : SAFETY_LOOK_MS;
    return new builtins.Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        builtins.clearTimeout(timer);
        resolve();
      };
      // This keeps the process alive, which what the system tells does not.
      const timer = builtins.setTimeout(wake, Math.min(ms, Math.max(mostMs, 0)));
      this.#waiting.add(wake);
    });
  }

  /** The thread was signalled, for whatever reason. */
  heed(): void {
    const news = this.#native.takeNews();
    if (news === 0) return;
    if (news === SOMEBODY_LEFT) this.#hurriesUntil = now() + HURRY_MS;
    this.#wakeAll();
  }

  #deafenUnlessAwaited(): void {
    if (this.#waiting.size > 0) this.#alarm.ringWithin(DEAF_AFTER_MS);
    else this.end();
  }

  /** The system tells nothing any more. Those who wait look once more. */
  end(): void {
    this.#isListening = false;
    listening.delete(this);
    this.#native.deafen();
    this.#alarm.stop();
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
