import { get, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { Progress } from '../server/admin.js';

/** Follows what the server has archived: `GET /progress` of its HTTP door. */
export class ProgressFollower {
  readonly #response: IncomingMessage;
  readonly #sources = new Map<string, SourceProgress>();

  static async connect(port: number): Promise<ProgressFollower> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/progress' }, resolve).on('error', reject);
    });
    return new ProgressFollower(response);
  }

  private constructor(response: IncomingMessage) {
    this.#response = response;
    createInterface({ input: response }).on('line', (line) => {
      const progress = JSON.parse(line) as Progress;
      this.source(progress.source).update(progress);
    });
  }

  source(name: string): SourceProgress {
    const source = this.#sources.get(name) ?? new SourceProgress();
    this.#sources.set(name, source);
    return source;
  }

  close(): void {
    this.#response.destroy();
  }
}

/** The server's progress with one source. */
export class SourceProgress {
  messages = 0;
  /** When the last of them was archived, in monotonicMs. */
  at = 0;
  /** Kept while it is an array: every step, for latencies. */
  history: Progress[] | undefined;
  onUpdate: (() => void) | undefined;

  update(progress: Progress): void {
    this.messages = progress.messages;
    this.at = progress.at;
    this.history?.push(progress);
    this.onUpdate?.();
  }
}
