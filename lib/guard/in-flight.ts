// Which asynchronous operations of Node.js may be at work on a buffer's memory. Under `guard: 'detach'` a buffer that
// is released too early must not be detached in the midst of one: zlib aborts or throws where nobody can catch it, and
// fs and sockets write fewer bytes without a word.
//
// Nothing tells which memory native code has, so node:async_hooks tells which operations there are. Of some the
// resource shows the buffers, see EXACT. Any other may have the memory if it began while the buffer was leased, or
// shortly before its release: a stream passes on what it has queued when such an operation ends.
import { AsyncResource, createHook, executionAsyncResource } from 'node:async_hooks';
import { Writable } from 'node:stream';
import { now } from '../addon/clock.js';
import { builtins, memoryOf } from '../base/builtins.js';

/** Resources that show the buffers that they work on: `buffer`, `_chunks`, `list`; or whose stream does. */
const EXACT = new Set(['ZLIB', 'WRITEWRAP', 'UDPSENDWRAP', 'TCPWRAP', 'PIPEWRAP', 'TTYWRAP', 'TLSWRAP']);
/** Those of them that are one operation; the others last. */
const ENDING = new Set(['WRITEWRAP', 'UDPSENDWRAP']);

/** What works on no buffer, or is no operation but lasts as long as what it belongs to. */
const IGNORED = new Set(
  (
    'PROMISE Immediate Timeout Microtask TIMERWRAP TCPSERVERWRAP PIPESERVERWRAP UDPWRAP ' +
    'PROCESSWRAP SIGNALWRAP STATWATCHER FSEVENTWRAP FILEHANDLE FILEHANDLECLOSEREQ DIRHANDLE DNSCHANNEL MESSAGEPORT WORKER HTTPPARSER ' +
    'HTTPINCOMINGMESSAGE HTTPCLIENTREQUEST HTTP2SESSION HTTP2STREAM HTTP2PING HTTP2SETTINGS JSSTREAM STREAMPIPE ' +
    'SHUTDOWNWRAP INSPECTORJSBINDING ELDHISTOGRAM BLOBREADER HEAPSNAPSHOT superslab'
  ).split(' '),
);

/** Operations that began before the buffer's acquire count only while they are younger. Unit: ms. */
const OLDEST_MS = 1000;

/**
 * How long a chain of operations, each begun where the one before ended, is followed: fs.promises.writeFile() writes
 * 512 KiB at a time. Not for ever: a program that goes on and on would have its blocks held back as long.
 */
const MAX_CHAIN = 64;

/** Should no end of an operation tell. Unit: ms. */
const POLL_MS = 50;

interface Operation {
  readonly type: string;
  readonly startedAt: number;
  /** Weak: handles of zlib last until they are collected. */
  readonly resource: WeakRef<object>;
  isOver: boolean;
  /** Who waits for it, and how many operations of the chain come before. */
  readonly waits: Map<Wait, number>;
}

interface Tick {
  readonly startedAt: number;
  /** Has `args`, what the callback is given. */
  readonly resource: object;
}

const operations = new Map<number, Operation>();
/** Callbacks of process.nextTick() that have not run: they may begin what was asked for in this turn. */
const ticks = new Map<number, Tick>();
/** The operation whose end this turn of the event loop is about. */
let current: Operation | undefined;
/** What is waited for, and what is to be done then. */
const waits = new Map<Wait, () => void>();
/** One of each a thread looks after all that is waited for; undefined while nothing is. */
let immediate: NodeJS.Immediate | undefined;
let timer: NodeJS.Timeout | undefined;

/** Until nothing can be at work on some memory any more. */
export class Wait {
  readonly #memory: ArrayBuffer;
  readonly #since: number;
  /** Those that may have the memory. */
  readonly #candidates = new Set<Operation>();
  /** The turn of the event loop is over in which the buffer was released. */
  #isTurnOver = false;
  /** Whether an operation shows the memory. */
  isCertain: boolean;

  constructor(memory: ArrayBuffer, since: number, isCertain: boolean) {
    this.#memory = memory;
    this.#since = since;
    this.isCertain = isCertain;
    this.#addAll();
  }

  add(operation: Operation, place: number): void {
    this.#candidates.add(operation);
    operation.waits.set(this, place);
  }

  #addAll(): void {
    for (const operation of operations.values()) if (mayHave(operation, this.#since)) this.add(operation, 0);
  }

  isOver(): boolean {
    if (!this.#isTurnOver) {
      this.#isTurnOver = true;
      this.#addAll(); // what callbacks of process.nextTick() have begun
    }
    this.isCertain = isShown(this.#memory);
    if (this.isCertain) return false;
    for (const operation of this.#candidates) if (!operation.isOver) return false;
    return true;
  }
}

function mayHave({ type, startedAt, resource, isOver }: Operation, since: number): boolean {
  if (isOver || EXACT.has(type) || startedAt < Math.min(since, now() - OLDEST_MS)) return false;
  if (!type.endsWith('REQUEST')) return true;
  // Of crypto. The jobs of synchronous functions last until they are collected, too; nobody is called by those.
  const job = resource.deref();
  return job !== undefined && ownValue(job, 'ondone') !== undefined;
}

/**
 * What is to be waited for before `memory`, which was leased at `since` (of now()) and is about to be released, can be
 * detached; undefined if that can be done at once.
 */
export function operationsOn(memory: ArrayBuffer, since: number): Wait | undefined {
  const isCertain = isShown(memory);
  if (!isCertain) {
    let none = true;
    for (const tick of ticks.values()) if (tickMayHave(tick, memory, since)) none = false;
    // Who releases where an operation ends, does it because that has ended.
    for (const operation of operations.values()) {
      if (operation !== current && mayHave(operation, since)) none = false;
    }
    if (none) return undefined;
  }
  return new Wait(memory, since, isCertain);
}

/** Has `then` called when a wait is over. */
export function whenOver(wait: Wait, then: () => void): void {
  waits.set(wait, then);
}

/** To be called after whenOver(), where nothing is in hand: timers may run hooks of the program. */
export function lookLater(): void {
  if (waits.size === 0) return;
  if (immediate === undefined) immediate = builtins.setImmediate(look);
  timer ??= builtins.setTimeout(look, POLL_MS).unref();
}

export function giveUp(wait: Wait): void {
  waits.delete(wait);
}

function look(): void {
  builtins.clearTimeout(timer);
  timer = undefined;
  immediate = undefined;
  ticks.clear(); // all have run; one whose process.nextTick() was cut off never will
  for (const [wait, then] of waits) {
    if (!wait.isOver()) continue;
    waits.delete(wait);
    then();
  }
  if (waits.size > 0) timer ??= builtins.setTimeout(look, POLL_MS).unref();
}

// Which memory a resource shows ----------------------------------------------------------------

const isView = (value: unknown, memory: ArrayBuffer) =>
  builtins.isUint8Array(value) && memoryOf(value) === memory;

/** Of a property of its own, without running a getter. */
function ownValue(object: object, name: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

function hasView(value: unknown, memory: ArrayBuffer): boolean {
  if (!Array.isArray(value)) return isView(value, memory);
  for (const item of value) {
    if (isView(item, memory)) return true;
    if (typeof item !== 'object' || item === null) continue;
    if (isView(ownValue(item, 'chunk'), memory) || isView(ownValue(item, 'data'), memory)) return true;
  }
  return false;
}

const { get: queueOf } = Object.getOwnPropertyDescriptor(Writable.prototype, 'writableBuffer')!;

/** Whether it was asked for while the memory was leased, or is about the memory, or a stream that has it in its queue. */
function tickMayHave({ startedAt, resource }: Tick, memory: ArrayBuffer, since: number): boolean {
  if (startedAt >= since) return true;
  const args = ownValue(resource, 'args');
  return Array.isArray(args) && args.some((arg) => isView(arg, memory) || isInQueueOf(arg, memory));
}

function isInQueueOf(stream: unknown, memory: ArrayBuffer): boolean {
  if (typeof stream !== 'object' || stream === null) return false;
  // Of a request of HTTP that has no socket yet.
  if (hasView(ownValue(stream, 'outputData'), memory)) return true;
  if (!(stream instanceof Writable)) return false;
  const queue = queueOf!.call(stream);
  if (Array.isArray(queue) && hasView(queue, memory)) return true;
  return hasView(ownValue(stream, '_pendingData'), memory); // of a socket that is not connected yet
}

/** Whether the stream that a resource, or its handle, belongs to has a view of `memory` in its queue. */
function isQueued(resource: object, memory: ArrayBuffer): boolean {
  const handle = ownValue(resource, 'handle');
  const holder = typeof handle === 'object' && handle !== null ? handle : resource;
  for (const symbol of Object.getOwnPropertySymbols(holder)) {
    if (symbol.description !== 'owner_symbol') continue;
    if (isInQueueOf(ownValue(holder, symbol), memory)) return true;
  }
  return false;
}

function isShown(memory: ArrayBuffer): boolean {
  for (const operation of operations.values()) {
    const { type, resource, isOver } = operation;
    if (isOver || !EXACT.has(type)) continue;
    // What ends in this turn has ended.
    if (operation === current && ENDING.has(type)) continue;
    const object = resource.deref();
    if (object === undefined) continue;
    for (const name of ['buffer', '_chunks', 'list'])
      if (hasView(ownValue(object, name), memory)) return true;
    if (isQueued(object, memory)) return true;
  }
  return false;
}

// Hooks ----------------------------------------------------------------------------------------

const hook = createHook({
  init(id, type, _, resource) {
    if (type === 'TickObject') {
      ticks.set(id, { startedAt: now(), resource });
      return;
    }
    if (IGNORED.has(type) || resource instanceof AsyncResource) return;
    const operation = {
      type,
      startedAt: now(),
      resource: new builtins.WeakRef(resource),
      isOver: false,
      waits: new Map<Wait, number>(),
    };
    if (current !== undefined) {
      for (const [wait, place] of current.waits) {
        if (place < MAX_CHAIN && waits.has(wait)) wait.add(operation, place + 1);
      }
    }
    operations.set(id, operation);
  },
  before(id) {
    if (ticks.delete(id)) return;
    const operation = operations.get(id);
    // Ticks and promises belong to the turn that they are in.
    if (operation === undefined && executionAsyncResource() instanceof Promise) return;
    current = operation;
  },
  after(id) {
    if (operations.has(id)) lookLater();
  },
  destroy(id) {
    const operation = operations.get(id);
    if (operation === undefined) return;
    operation.isOver = true;
    operations.delete(id);
    lookLater();
  },
});

/** From now on operations are noted. It costs what node:async_hooks cost, so only guards that detach ask for it. */
export function noteOperations(): void {
  hook.enable();
}
