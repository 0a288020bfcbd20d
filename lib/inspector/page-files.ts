import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

/** Compiled, this file lies in dist/cjs/inspector/; the page is built into dist/inspector/. */
const folder = path.join(__dirname, '..', '..', 'inspector');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

function readAll(): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    // A build without the page: the events are there all the same.
  }
  for (const name of names) {
    const type = TYPES[path.extname(name)];
    if (type !== undefined) files.set(`/${name}`, { type, content: readFileSync(path.join(folder, name)) });
  }
  const index = files.get('/index.html');
  if (index !== undefined) files.set('/', index);
  return files;
}

/** Read when the first page is asked for. */
let files: Map<string, PageFile> | undefined;

/**
 * The file of the page that `route` names. They are read once, all of them: a request chooses among names,
 * and no path that it gives ever reaches the file system.
 */
export function pageFile(route: string): PageFile | undefined {
  files ??= readAll();
  return files.get(route);
}
