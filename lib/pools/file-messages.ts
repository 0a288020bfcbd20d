import type { SuperslabError } from '../base/errors.js';
import { type FileMessage, fileChannel } from '../measure/file-channel.js';
import type { Advice } from '../stats/advice/advice.js';

export type FileDetails = Partial<Omit<FileMessage, 'event' | 'pool' | 'path'>>;

/** Tells that a file could not be opened. */
export function tellRefusal(pool: string, path: string, error: unknown): void {
  if (!fileChannel.hasSubscribers) return;
  const { code, errno = '' } = error as { code?: string; errno?: string };
  const details = code === undefined ? {} : { code };
  fileChannel.publish({ event: 'refuse', pool, path, errno, durationNs: 0, bytes: 0, ...details });
}

/** Tells the subscribers of `superslab:file` of one file. They are called where nothing is half done. */
export class FileMessages {
  readonly #pool: string;
  readonly #path: string;
  /** Advice that holds, as it was told. */
  readonly #alerts = new Map<string, string>();

  constructor(pool: string, path: string) {
    this.#pool = pool;
    this.#path = path;
  }

  tell(event: FileMessage['event'], details: FileDetails): void {
    if (!fileChannel.hasSubscribers) return;
    const base = { event, pool: this.#pool, path: this.#path, errno: '', durationNs: 0, bytes: 0 };
    fileChannel.publish({ ...base, ...details });
  }

  /** The file is of no use any more, and `error` says so. */
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
