// A program of its own: loads the addon and tells about it on one line of JSON. What the environment
// is worth, the native side says once a process; and a broken addon may take its process with it.
import path from 'node:path';

export interface Report {
  /** The addon's file. */
  readonly path?: string;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly knobs?: Readonly<Record<string, string>>;
}

function look(): Report {
  const packageRoot = path.join(__dirname, '..', '..', '..', '..');
  let file: string | undefined;
  try {
    // It comes without types.
    file = (require('node-gyp-build') as { resolve(folder: string): string }).resolve(packageRoot);
    const { binding, check } = require('../../addon/binding.js') as typeof import('../../addon/binding.js');
    const { knobs } = check(binding.attach(() => {})).facts;
    return { path: file, knobs: Object.fromEntries(knobs.map((row) => [row.variable, row.value])) };
  } catch (error) {
    const { code, message, cause } = error as Error & { code?: string; cause?: Error };
    return { path: file, failure: { code: String(code), message: cause?.message ?? message } };
  }
}

process.stdout.write(JSON.stringify(look()));
