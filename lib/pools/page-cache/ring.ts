import { FRAME_STATE } from '../../addon/generated/memory.js';
import { builtins } from '../../base/builtins.js';
import type { Frames } from './frames.js';

const { use: USE, oneUse: ONE_USE } = FRAME_STATE;

/** The frames that a scan brings its pages into, again and again, so that it does not drive out what others use. */
export class Ring {
  readonly #frames: Int32Array;
  readonly #turns: Int32Array;
  #at = 0;

  constructor(length: number) {
    this.#frames = new builtins.Int32Array(length);
    this.#turns = new builtins.Int32Array(length);
    for (let i = 0; i < length; i++) this.#frames[i] = -1;
  }

  /** Whether each of its places has had a frame: then a scan takes no new ones. */
  get isFull(): boolean {
    return this.#frames[this.#at]! >= 0;
  }

  /** The frame that was used longest ago, and its turn then. */
  get frame(): number {
    return this.#frames[this.#at]!;
  }

  get turn(): number {
    return this.#turns[this.#at]! >>> 0;
  }

  /** The scan has its page in that frame. One that others use is theirs. */
  note(frames: Frames, frame: number): void {
    if ((frames.state(frame) & USE) > ONE_USE) return;
    this.#frames[this.#at] = frame;
    this.#turns[this.#at] = frames.turn(frame);
    this.#at = (this.#at + 1) % this.#frames.length;
  }
}
