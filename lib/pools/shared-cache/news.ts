import { Alarm } from '../../addon/alarm.js';
import type { NativeSharedCache } from '../../addon/cache-binding.js';
import { now } from '../../addon/clock.js';
import { atSignal } from '../../addon/environment.js';

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

/** Those of this thread who wait for what another thread or process computes. */
interface NewsReader {
  readonly isBusy: boolean;
  proceed(): void;
}

/** Tells that a value may be there which another thread or process computes. */
export class News {
  readonly #native: NativeSharedCache;
  readonly #alarm = new Alarm(() => this.#deafenUnlessAwaited());
  #reader: NewsReader | undefined = undefined;
  /** Whether the system tells. */
  #isListening = false;
  /** Of now(). */
  #hurriesUntil = 0;

  constructor(native: NativeSharedCache) {
    this.#native = native;
  }

  /** To whom. */
  tells(reader: NewsReader): void {
    this.#reader = reader;
  }

  /** What happens from now on is told. To be called before one looks what there is to wait for. */
  listen(): void {
    if (this.#isListening) return;
    this.#alarm.ringWithin(DEAF_AFTER_MS);
    listening.add(this);
    this.#isListening = this.#native.listen();
    if (!this.#isListening) listening.delete(this);
  }

  /** After how long it is worth looking again even if nothing is told. `looks`: how often somebody has looked before. */
  lookAfterMs(looks: number): number {
    if (!this.#isListening) return Math.min(FIRST_LOOK_MS * 2 ** looks, LAST_LOOK_MS);
    return now() < this.#hurriesUntil ? FIRST_LOOK_MS : SAFETY_LOOK_MS;
  }

  /** The thread was signalled, for whatever reason. */
  heed(): void {
    const news = this.#native.takeNews();
    if (news === 0) return;
    if (news === SOMEBODY_LEFT) this.#hurriesUntil = now() + HURRY_MS;
    this.#reader?.proceed();
  }

  #deafenUnlessAwaited(): void {
    if (this.#reader?.isBusy) this.#alarm.ringWithin(DEAF_AFTER_MS);
    else this.end();
  }

  /** The system tells nothing any more. */
  end(): void {
    this.#isListening = false;
    listening.delete(this);
    this.#native.deafen();
    this.#alarm.stop();
  }
}
