// `node scripts/bench-matrix.mjs NAME [--quick] [--rounds=3] [--node=20,22,24,26]`: runs bench/NAME.ts under
// several versions of Node, in turns, and prints the medians as one Markdown table.
//
// A version is anything npm understands (22, 22.23.3), or the path of a node binary: see support/node-binary.mjs.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { withBuildLock } from './support/build-lock.mjs';
import { buildNative } from './support/build-native.mjs';
import { buildDev, buildLib } from './support/build-typescript.mjs';
import { ensureInstalled } from './support/install.mjs';
import { nodeBinary } from './support/node-binary.mjs';
import { at, main, ScriptError, say } from './support/paths.mjs';

/** What `binary args` prints. */
function output(binary, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(text);
      else reject(new ScriptError(`${binary} ${args.join(' ')}: ${signal ?? `exit code ${code}`}`));
    });
  });
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The rows of several runs of one version as one, with the medians. */
function merge(runs) {
  return runs[0].rows.map((row, i) => {
    const of = (value) => median(runs.map(({ rows }) => value(rows[i])));
    return {
      ...row,
      superslab: of((each) => each.superslab),
      peers: Object.fromEntries(Object.keys(row.peers).map((peer) => [peer, of((each) => each.peers[peer])])),
      ...(row.baseline === undefined ? {} : { baseline: of((each) => each.baseline) }),
    };
  });
}

const figure = (value) =>
  value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 1 });
const times = (value, base) =>
  value === undefined || !base ? '–' : `${(value / base).toFixed(value / base < 10 ? 2 : 0)}x`;

function table(versions) {
  const all = versions[0].rows;
  const peers = [...new Set(all.flatMap((row) => Object.keys(row.peers)))];
  const hasBaseline = all.some((row) => row.baseline !== undefined);
  const header = ['case', 'unit', ...versions.map(({ node }) => `Node ${node}`)];
  const lines = all.map((row, i) => [
    row.case,
    row.unit,
    ...versions.map(({ rows }) => {
      const { superslab, baseline, peers: values } = rows[i];
      const parts = [figure(superslab)];
      if (hasBaseline) parts.push(times(superslab, baseline));
      for (const peer of peers) parts.push(times(values[peer], superslab));
      return parts.join(' · ');
    }),
  ]);
  const legend = [
    'superslab',
    ...(hasBaseline ? ['superslab / baseline'] : []),
    ...peers.map((p) => `${p} / superslab`),
  ];
  return [
    `Each cell: ${legend.join(' · ')}`,
    '',
    `| ${header.join(' | ')} |`,
    `|${header.map((_, i) => (i < 2 ? ' --- ' : ' ---: ')).join('|')}|`,
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
}

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      node: { type: 'string', default: '20,22,24,26' },
    },
  });
  const [name] = positionals;
  const rounds = Number(values.rounds);
  if (name === undefined || !existsSync(at(`bench/${name}.ts`))) {
    throw new ScriptError(`bench-matrix: name a benchmark; there is no bench/${name}.ts`);
  }
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new ScriptError(`bench-matrix: --rounds=${values.rounds} is no number of rounds`);
  }
  await ensureInstalled();
  await withBuildLock(async () => {
    await buildNative('superslab');
    await buildLib();
    await buildDev();
  });
  const binaries = [];
  for (const version of values.node.split(',')) binaries.push(await nodeBinary(version));

  const args = [at('dist-dev/bench', `${name}.js`), '--json', ...(values.quick ? ['--quick'] : [])];
  const runs = binaries.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < binaries.length; turn++) {
      const index = (turn + round) % binaries.length;
      say(`round ${round + 1} of ${rounds}: ${binaries[index]}`);
      runs[index].push(JSON.parse(await output(binaries[index], args)));
    }
  }
  const versions = runs.map((each) => ({ node: each[0].node, rows: merge(each) }));
  process.stdout.write(`${table(versions)}\n`);
});
