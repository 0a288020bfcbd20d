import { readArchive } from '../store/archive-reader.js';

/** Prints the messages of archives, one a line. */
export async function cat(files: string[]): Promise<void> {
  for (const file of files) {
    let lines: string[] = [];
    const flush = () => {
      process.stdout.write(lines.join(''), 'latin1');
      lines = [];
    };
    await readArchive(file, (bytes, start, end) => {
      // latin1 keeps bytes as they are, whatever their encoding.
      lines.push(`${bytes.toString('latin1', start, end)}\n`);
      if (lines.length === 4096) flush();
    });
    flush();
  }
}
