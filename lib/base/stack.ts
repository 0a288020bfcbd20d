import path from 'node:path';
import { runInNewContext } from 'node:vm';

/** Frames of superslab itself between `hidden` and the program: they are asked for in addition. */
const OWN_FRAMES = 4;

/** Where the compiled package lies. */
const OWN_FOLDER = path.join(__dirname, '..') + path.sep;

interface Holder {
  stack?: unknown;
}

type Prepare = (error: unknown, sites: readonly unknown[]) => unknown;

/** What a realm of our own has: `Error`, and objects whose stacks are made into text by its rules. */
interface Realm {
  readonly Error: {
    stackTraceLimit: number;
    prepareStackTrace: Prepare;
    captureStackTrace(holder: object, hidden: (...args: never[]) => unknown): void;
  };
  makeHolder(): Holder;
}

/** Node's own, which knows source maps; undefined if the program's was there before us. */
const nodesPrepare = (({ prepareStackTrace }: ErrorConstructor) =>
  prepareStackTrace?.name === 'ErrorPrepareStackTrace' ? (prepareStackTrace as Prepare) : undefined)(Error);

/** Kept from the first stack on: to make one takes a context of V8. */
let realm: Realm | undefined;

/**
 * `Error.stackTraceLimit` and `Error.prepareStackTrace` are the program's. Were they changed for a moment, an operation
 * that is cut off would leave them so; were they kept, they would run code of the program where none must run, or give
 * no text. So stacks are taken by the `Error` of another realm.
 */
export function ownRealm(): Realm {
  if (realm === undefined) {
    const made = runInNewContext('({ Error, makeHolder: () => ({}) })') as Realm;
    made.Error.prepareStackTrace =
      nodesPrepare ?? ((_, sites) => sites.map((site) => `    at ${site}`).join('\n'));
    realm = made;
  }
  return realm;
}

/** Takes the stack of the caller of `hidden`, which must be under way: at most `frames` frames. */
function capture(holder: object, frames: number, hidden: (...args: never[]) => unknown): void {
  const own = ownRealm().Error;
  own.stackTraceLimit = frames;
  own.captureStackTrace(holder, hidden);
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
    const holder = ownRealm().makeHolder();
    capture(holder, frames + OWN_FRAMES, hidden);
    this.#holder = holder;
  }

  /** Whether it still keeps functions alive. */
  get isRaw(): boolean {
    return this.#holder !== undefined;
  }

  /** Makes the text, and lets go of the functions. */
  settle(): void {
    const holder = this.#holder;
    if (holder === undefined) return;
    const text = interned(ownFrames(format(holder), this.#frames));
    this.#text = text;
    this.#holder = undefined;
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

function format(holder: Holder): string {
  try {
    return typeof holder.stack === 'string' ? holder.stack : '';
  } catch {
    return '';
  }
}

function ownFrames(stack: string, frames: number): string {
  const lines = stack.split('\n').filter((line) => line.startsWith('    at ') && !line.includes(OWN_FOLDER));
  return lines.slice(0, frames).join('\n');
}

/** Most frames of superslab itself between a call of the program and the error that it throws. */
const MAX_OWN_FRAMES = 8;

/**
 * Leaves the frames of superslab out of an error's stack, which begins with the caller of `hidden` then.
 * Its text is made at once: for errors that tell of misuse, not for those that programs live with.
 */
export function showCaller<T extends Error>(error: T, hidden: (...args: never[]) => unknown): T {
  try {
    const limit = Error.stackTraceLimit;
    capture(error, limit + MAX_OWN_FRAMES, hidden);
    const { stack } = error;
    if (typeof stack === 'string') error.stack = withoutOwnFrames(stack, error.message, limit);
  } catch {
    // A program prepares stacks itself and throws: then it stays as it is.
  }
  return error;
}

/** The message stays as it is: it may end with other stacks. */
function withoutOwnFrames(stack: string, message: string, frames: number): string {
  const at = stack.indexOf(message);
  const end = at < 0 ? 0 : at + message.length;
  const lines = stack.slice(end).split('\n');
  return (
    stack.slice(0, end) +
    lines
      .filter((line) => !line.includes(OWN_FOLDER))
      .slice(0, frames + 1)
      .join('\n')
  );
}

const MAX_INTERNED = 1024;
const texts = new Map<string, string>();

/** Leases of one site share one text. */
function interned(text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size >= MAX_INTERNED) texts.clear();
  texts.set(text, text);
  return text;
}
