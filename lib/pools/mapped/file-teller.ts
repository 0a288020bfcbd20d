import type { NativeFile } from '../../addon/file-binding.js';
import { FILE_EVENT } from '../../addon/generated/codes.js';
import type { SuperslabError } from '../../base/errors.js';
import { type FileMessage, fileChannel } from '../../measure/file-channel.js';
import type { Advice } from '../../stats/advice/advice.js';

const EVENTS = Object.entries(FILE_EVENT) as [FileMessage['event'], number][];
const eventOf = new Map(EVENTS.map(([event, kind]) => [kind, event]));

type Details = Partial<Omit<FileMessage, 'event' | 'pool' | 'path'>>;

/** Tells that a file could not be opened. */
export function tellRefusal(pool: string, path: string, error: unknown): void {
  if (!fileChannel.hasSubscribers) return;
  const { code, errno = '' } = error as { code?: string; errno?: string };
  const details = code === undefined ? {} : { code };
  fileChannel.publish({ event: 'refuse', pool, path, errno, durationNs: 0, bytes: 0, ...details });
}

/** Tells the subscribers of `superslab:file` what happens to one file. They are called where nothing is half done. */
export class FileTeller {
  readonly #pool: string;
  readonly #path: string;
  readonly #native: NativeFile;
  /** Whether the native side notes what happens. From the beginning it does. */
  isOn = true;
  /** Advice that holds, as it was told. */
  readonly #alerts = new Map<string, string>();

  constructor(pool: string, path: string, native: NativeFile) {
    this.#pool = pool;
    this.#path = path;
    this.#native = native;
  }

  /** Before something happens. */
  listen(): void {
    if (fileChannel.hasSubscribers === this.isOn) return;
    this.isOn = fileChannel.hasSubscribers;
    this.#native.listen(this.isOn);
  }

  /** Tells what has happened since. */
  deliver(): void {
    if (!this.isOn) return;
    for (const { kind, bytes, durationNs } of this.#native.takeEvents()) {
      this.tell(eventOf.get(kind)!, { bytes, durationNs });
    }
  }

  tell(event: FileMessage['event'], details: Details): void {
    if (!fileChannel.hasSubscribers) return;
    const base = { event, pool: this.#pool, path: this.#path, errno: '', durationNs: 0, bytes: 0 };
    fileChannel.publish({ ...base, ...details });
  }

  /** The pool changes nothing any more, and `error` says so. */
  tellFailure({ code, errno }: SuperslabError & { errno?: string }): void {
    this.tell('fail', { code, errno: errno ?? '' });
  }

  /** Advice of now: what is new in it, and what holds no more, is an alert. */
  tellAlerts(advice: readonly Advice[]): void {
    for (const { id, text } of advice) {
      const isNew = !this.#alerts.has(id);
      this.#alerts.set(id, text);
      if (isNew) this.tell('alert', { alert: { id, holds: true, text } });
    }
    for (const [id, text] of this.#alerts) {
      if (advice.some((one) => one.id === id)) continue;
      this.#alerts.delete(id);
      this.tell('alert', { alert: { id, holds: false, text } });
    }
  }

  /** Whether somebody would be told of alerts. */
  get tellsAlerts(): boolean {
    return fileChannel.hasSubscribers;
  }
}
