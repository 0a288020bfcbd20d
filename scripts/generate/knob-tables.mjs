// The tables of docs/KNOBS.md, between <!-- knobs:begin --> and <!-- knobs:end -->.

const BEGIN = '<!-- knobs:begin -->';
const END = '<!-- knobs:end -->';

const code = (text) => `\`${text}\``;

function valuesOf({ type, words, min, max, unit }) {
  const range = `${code(min)} to ${code(max)}`;
  switch (type) {
    case 'choice':
      return words.map(code).join(', ');
    case 'flag':
      return '`0`, `1`';
    case 'placement':
      return [...words.map(code), range].join(', ');
    case 'bytes':
      return range;
    default:
      return `${range} ${unit}`;
  }
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const allKnobs = (knobs) =>
  table(
    ['Variable', 'Option', 'Default', 'Values', 'Meaning'],
    knobs.map((knob) => [
      code(knob.variable),
      knob.option === '' ? '' : `${code(knob.option)}${knob.isLive ? ' *' : ''}`,
      code(knob.default),
      valuesOf(knob),
      knob.meaning,
    ]),
  );

function byProfile(knobs, profiles) {
  const { words } = knobs.find(({ variable }) => variable === 'SUPERSLAB_PROFILE');
  const valueIn = (word, knob) =>
    profiles.find(({ profile, variable }) => profile === word && variable === knob.variable)?.value ??
    knob.default;
  const changed = knobs.filter((knob) => profiles.some(({ variable }) => variable === knob.variable));
  return table(
    ['`SUPERSLAB_PROFILE`', ...words.map(code)],
    changed.map((knob) => [code(knob.variable), ...words.map((word) => code(valueIn(word, knob)))]),
  );
}

/** `page`, the text of docs/KNOBS.md, with the tables as they are now. */
export function withKnobTables(page = '', { knobs, profiles }) {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) {
    throw new Error(`docs/KNOBS.md: the lines ${BEGIN} and ${END}, in this order, are missing`);
  }
  const tables = `${allKnobs(knobs)}\n\nWhat a profile changes:\n\n${byProfile(knobs, profiles)}`;
  return `${page.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${page.slice(end)}`;
}
