const WIDTH = 30;

/** A progress bar on standard error. Where that is no terminal, a line for each new label and nothing else. */
export class ProgressBar {
  readonly #out: NodeJS.WriteStream;
  #label = '';

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
  }

  /** @param share 0 to 1 */
  update(share: number, label: string): void {
    if (this.#out.isTTY) {
      const done = Math.round(Math.min(1, share) * WIDTH);
      const percent = Math.round(Math.min(1, share) * 100);
      const bar = `${'█'.repeat(done)}${'░'.repeat(WIDTH - done)}`;
      this.#out.write(`\r\x1b[K${bar} ${String(percent).padStart(3)} %  ${label}`);
    } else if (label !== this.#label) {
      this.#out.write(`${label}\n`);
    }
    this.#label = label;
  }

  clear(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
  }
}
