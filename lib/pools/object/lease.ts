import { now } from '../../addon/clock.js';
import type { CapturedStack } from '../../base/stack.js';

/** A lease that is watched: since when, and by whom it was taken. */
export class Lease {
  readonly since = now();
  readonly stack: CapturedStack | undefined;
  /** Whether it was told that it lasts too long. */
  isOverdue = false;

  constructor(stack: CapturedStack | undefined) {
    this.stack = stack;
  }

  get text(): string {
    return this.stack?.text ?? '';
  }
}
