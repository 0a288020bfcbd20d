// Programs whose allocations are recorded anew: what is installed of them.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const ZLIB = `const zlib = require('node:zlib');
const text = Buffer.from('a line of a log, and another one, and so on\\n'.repeat(2000));
let left = 40;
const next = () => zlib.gzip(text, (_, packed) => zlib.gunzip(packed, () => { if (--left > 0) next(); }));
next();`;

const PYTHON = `import json
for i in range(60):
    rows = json.loads(json.dumps([{"id": n, "name": "row %d" % n, "tags": ["a"] * (n % 7)} for n in range(1500)]))
    text = "".join(row["name"] for row in rows)`;

const SQL = `CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO t SELECT i, hex(randomblob(20)) FROM n;
CREATE INDEX i ON t(b); SELECT count(*), max(b) FROM t WHERE b > '8'; SELECT b, count(*) FROM t GROUP BY substr(b, 1, 2) ORDER BY 2 LIMIT 5;`;

interface Program {
  readonly command: readonly string[];
  readonly input?: string;
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  'node with zlib': { command: [process.execPath, '-e', ZLIB] },
  python3: { command: ['python3', '-c', PYTHON] },
  git: { command: ['git', '-C', root, 'log', '--stat', '-80'] },
  sqlite3: { command: ['sqlite3', ':memory:'], input: SQL },
};

/** Records the programs that are installed; calls `done` with the name and the trace of each. Returns the others. */
export function recordPrograms(folder: string, done: (name: string, file: string) => void): string[] {
  const missing: string[] = [];
  for (const [name, { command, input }] of Object.entries(PROGRAMS)) {
    const file = `${folder}/${name.replaceAll(' ', '-')}.trace`;
    const args = [`${root}bin/superslab.js`, 'record', '-o', file, '--', ...command];
    const { status } = spawnSync(process.execPath, args, { input, stdio: ['pipe', 'ignore', 'ignore'] });
    if (status === 0 && existsSync(file)) done(name, file);
    else missing.push(name);
  }
  return missing;
}
