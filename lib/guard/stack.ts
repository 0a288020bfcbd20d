import path from 'node:path';

/** Frames of superslab itself between `hidden` and the program: they are asked for in addition. */
const OWN_FRAMES = 4;

/** Where the compiled package lies. */
const OWN_FOLDER = path.join(__dirname, '..') + path.sep;

interface Holder {
  stack?: unknown;
}

/**
 * A stack that is turned into text late, because text costs four times what the stack does.
 *
 * Until then V8 keeps the functions of its frames, and what those close over: a closure that holds the
 * very buffer would keep it from being collected. So whatever lives longer must be {@link settle}d.
 */
export class CapturedStack {
  #holder: Holder | undefined;
  #text = '';
  readonly #frames: number;

  /** Of the caller of `hidden`, which must be under way: at most `frames` frames. */
  constructor(frames: number, hidden: (...args: never[]) => unknown) {
    this.#frames = frames;
    const holder: Holder = {};
    const limit = Error.stackTraceLimit;
    try {
      Error.stackTraceLimit = frames + OWN_FRAMES;
      Error.captureStackTrace(holder, hidden);
      this.#holder = holder;
    } catch {
      // Error is frozen, or its limit is: then there is no stack.
    } finally {
      restore(limit);
    }
  }

  /** Whether it still keeps functions alive. */
  get isRaw(): boolean {
    return this.#holder !== undefined;
  }

  /** Makes the text, and lets go of the functions. */
  settle(): void {
    const holder = this.#holder;
    if (holder === undefined) return;
    this.#holder = undefined;
    this.#text = interned(ownFrames(format(holder), this.#frames));
  }

  /** Lets go of the functions; without a text, if there is none yet. */
  drop(): void {
    this.#holder = undefined;
  }

  /** Lines of "    at ...", without those of superslab. */
  get text(): string {
    this.settle();
    return this.#text;
  }
}

function restore(limit: number): void {
  try {
    Error.stackTraceLimit = limit;
  } catch {
    // As above.
  }
}

/** A program's own prepareStackTrace may return anything, or throw: it is put aside meanwhile. */
function format(holder: Holder): string {
  const { prepareStackTrace } = Error;
  try {
    if (prepareStackTrace !== undefined) Error.prepareStackTrace = undefined as never;
    return typeof holder.stack === 'string' ? holder.stack : '';
  } catch {
    return '';
  } finally {
    try {
      if (prepareStackTrace !== undefined) Error.prepareStackTrace = prepareStackTrace;
    } catch {
      // Error is frozen: nothing was changed.
    }
  }
}

function ownFrames(stack: string, frames: number): string {
  const lines = stack.split('\n').filter((line) => line.startsWith('    at ') && !line.includes(OWN_FOLDER));
  return lines.slice(0, frames).join('\n');
}

const MOST_INTERNED = 1024;
const texts = new Map<string, string>();

/** Leases of one site share one text. */
function interned(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= MOST_INTERNED) texts.clear();
  texts.set(text, text);
  return text;
}
