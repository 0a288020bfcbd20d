// Writes the table of docs/KNOBS.md from native/policy/knobs.def, between
// <!-- knobs:begin --> and <!-- knobs:end -->.
//
//   node scripts/generate-knob-table.mjs           writes it
//   node scripts/generate-knob-table.mjs --check   exits 1 when it is not what would be written

import { readFileSync, writeFileSync } from 'node:fs';
import { argv, exit, stderr, stdout } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const BEGIN = '<!-- knobs:begin -->';
const END = '<!-- knobs:end -->';

const KNOB_COLUMNS = [
  'id',
  'cxxType',
  'type',
  'option',
  'variable',
  'unit',
  'min',
  'max',
  'default',
  'words',
  'meaning',
];
const PROFILE_COLUMNS = ['profile', 'id', 'value'];

/** The C++ tokens of `text` that a list needs: identifiers, strings, punctuation. */
function tokenize(text) {
  // Preprocessor lines (also continued ones) and comments say nothing about rows.
  const source = text.replace(/^[ \t]*#(?:.*\\\n)*.*$/gm, '');
  const pattern = /\s+|\/\/.*|(?<name>[A-Za-z_][\w:]*)|"(?<string>[^"\\\n]*)"|(?<sign>[(),])|(?<bad>[\s\S])/g;
  const tokens = [];
  for (const { groups, index } of source.matchAll(pattern)) {
    if (groups.bad !== undefined) {
      throw new Error(`knobs.def: cannot read ${JSON.stringify(source.slice(index, index + 40))}`);
    }
    if (groups.name !== undefined) tokens.push({ kind: 'name', text: groups.name });
    else if (groups.string !== undefined) tokens.push({ kind: 'string', text: groups.string });
    else if (groups.sign !== undefined) tokens.push({ kind: groups.sign, text: groups.sign });
  }
  return tokens;
}

/** Rows of the form MACRO(argument, ...); neighbouring strings are one argument. */
function parseRows(tokens) {
  const rows = [];
  let at = 0;
  const take = (kind) => {
    const token = tokens[at++];
    if (token?.kind !== kind) {
      throw new Error(`knobs.def: expected ${kind}, found ${token?.text ?? 'the end'}`);
    }
    return token.text;
  };
  while (at < tokens.length) {
    const macro = take('name');
    const values = [];
    take('(');
    do {
      if (tokens[at]?.kind === 'name') {
        values.push(take('name'));
        continue;
      }
      let text = take('string');
      while (tokens[at]?.kind === 'string') text += take('string');
      values.push(text);
    } while (tokens[at]?.kind === ',' && take(','));
    take(')');
    rows.push({ macro, values });
  }
  return rows;
}

function toRecord({ macro, values }, columns) {
  if (values.length !== columns.length) {
    throw new Error(`${macro}(${values[0]}, ...): ${values.length} columns, not ${columns.length}`);
  }
  return Object.fromEntries(columns.map((column, i) => [column, values[i]]));
}

/** The knobs and the values that profiles give them. */
export function parseKnobs(text) {
  const knobs = [];
  const profiles = [];
  for (const row of parseRows(tokenize(text))) {
    if (row.macro.endsWith('_KNOB')) knobs.push(toRecord(row, KNOB_COLUMNS));
    else if (row.macro === 'PROFILE') profiles.push(toRecord(row, PROFILE_COLUMNS));
    else throw new Error(`knobs.def: unknown row ${row.macro}`);
  }
  return { knobs, profiles };
}

const code = (text) => `\`${text}\``;

function valuesOf(knob) {
  const words = knob.words.split('|').filter(Boolean).map(code);
  switch (knob.type) {
    case 'choice':
      return words.join(', ');
    case 'flag':
      return '`0`, `1`';
    case 'placement':
      return [...words, `${code(knob.min)} to ${code(knob.max)}`].join(', ');
    case 'bytes':
      return `${code(knob.min)} to ${code(knob.max)}`;
    default:
      return `${code(knob.min)} to ${code(knob.max)} ${knob.unit}`;
  }
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** kLowMemory -> low-memory */
const profileWord = (name) =>
  name
    .replace(/^k/, '')
    .replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`)
    .toLowerCase();

export function renderTables({ knobs, profiles }) {
  const all = table(
    ['Variable', 'Option', 'Default', 'Values', 'Meaning'],
    knobs.map((knob) => [
      code(knob.variable),
      knob.option === '' ? '' : code(knob.option),
      code(knob.default),
      valuesOf(knob),
      knob.meaning,
    ]),
  );

  const words = knobs.find((knob) => knob.id === 'profile').words.split('|');
  const balanced = knobs.find((knob) => knob.id === 'profile').default;
  const valueIn = (word, knob) =>
    profiles.find((row) => profileWord(row.profile) === word && row.id === knob.id)?.value ?? knob.default;
  for (const row of profiles) {
    const known = words.includes(profileWord(row.profile)) && profileWord(row.profile) !== balanced;
    if (!known || !knobs.some((knob) => knob.id === row.id)) {
      throw new Error(`knobs.def: PROFILE(${row.profile}, ${row.id}, ...) names no profile or row`);
    }
  }
  const changed = knobs.filter((knob) => profiles.some((row) => row.id === knob.id));
  const byProfile = table(
    ['`SUPERSLAB_PROFILE`', ...words.map(code)],
    changed.map((knob) => [code(knob.variable), ...words.map((word) => code(valueIn(word, knob)))]),
  );

  return `${all}\n\nWhat a profile changes:\n\n${byProfile}`;
}

/** `readme` with `tables` between the two marks. */
export function replaceTables(readme, tables) {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`docs/KNOBS.md: the lines ${BEGIN} and ${END}, in this order, are missing`);
  }
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${readme.slice(end)}`;
}

function main() {
  const root = new URL('../', import.meta.url);
  const path = fileURLToPath(new URL('docs/KNOBS.md', root));
  const readme = readFileSync(path, 'utf8');
  const knobs = parseKnobs(readFileSync(new URL('native/policy/knobs.def', root), 'utf8'));
  const wanted = replaceTables(readme, renderTables(knobs));
  if (argv.includes('--check')) {
    if (wanted === readme) return 0;
    stderr.write('docs/KNOBS.md is stale; run node scripts/generate-knob-table.mjs\n');
    return 1;
  }
  if (wanted !== readme) writeFileSync(path, wanted);
  stdout.write(`docs/KNOBS.md: ${knobs.knobs.length} knobs\n`);
  return 0;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  try {
    exit(main());
  } catch (error) {
    stderr.write(`${error.message}\n`);
    exit(1);
  }
}
