// What is done at the end of a process or worker. A process object has one listener of superslab, however often the
// package is evaluated, and that holds nothing: an evaluation that is gone is not called.

const KEY = Symbol.for('superslab.atExit');

type Listeners = Set<WeakRef<() => void>>;

/** Keeps them for as long as this evaluation. */
const own: (() => void)[] = [];

function listeners(): Listeners {
  const holder = process as { [KEY]?: Listeners };
  const known = holder[KEY];
  if (known !== undefined) return known;
  const set: Listeners = new Set();
  Object.defineProperty(process, KEY, { value: set });
  process.on('exit', () => {
    for (const listener of set) listener.deref()?.();
  });
  return set;
}

export function atExit(listener: () => void): void {
  own.push(listener);
  const set = listeners();
  for (const one of set) if (one.deref() === undefined) set.delete(one);
  set.add(new WeakRef(listener));
}
