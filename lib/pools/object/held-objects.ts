import { Unfinished } from '../../pool/unfinished.js';

/** A pool that has lent objects. */
interface Lender<T> {
  isLent(object: unknown): boolean;
  putSlow(object: T): void;
}

/** Objects that were taken for somebody. */
export class HeldObjects<T> extends Unfinished {
  readonly #lender: Lender<T>;
  readonly objects: T[] = [];

  constructor(lender: Lender<T>) {
    super();
    this.#lender = lender;
  }

  /** Puts those that nobody has put or destroyed. */
  undo(): void {
    const { objects } = this;
    while (objects.length > 0) {
      const object = objects[objects.length - 1]!;
      if (this.#lender.isLent(object)) this.#lender.putSlow(object);
      objects.length--;
    }
  }
}
