// Reads past the kernel's cache, which take aligned memory alone.
import { closeSync, constants, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A file of 8 KiB of "x", outside of a temporary folder, which may be a file system in memory. */
export class DirectFile {
  readonly #path = fileURLToPath(new URL(`../../.align-${process.pid}`, import.meta.url));

  /** What a direct read into `buf` throws; undefined when it works. */
  read(buf: Uint8Array): string | undefined {
    writeFileSync(this.#path, Buffer.alloc(8192, 'x'));
    const fd = openSync(this.#path, constants.O_RDONLY | constants.O_DIRECT);
    try {
      readSync(fd, buf, 0, buf.length, 0);
      return undefined;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    } finally {
      closeSync(fd);
    }
  }

  /** Whether this file system refuses other memory. */
  get isStrict(): boolean {
    return this.read(Buffer.alloc(8192).subarray(1, 4097)) === 'EINVAL';
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { force: true });
  }
}
