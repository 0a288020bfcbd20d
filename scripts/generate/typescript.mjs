// What all generated TypeScript has in common.

const WIDTH = 110;

/** The first line of a file that is made of `source`. */
export const header = (source) => `// Generated from ${source} by scripts/generate.mjs. Do not edit.\n`;

function wrap(text, width) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

/** A doc comment of paragraphs, each wrapped, with its line end. */
export function doc(paragraphs, indent = '') {
  const [only, ...others] = paragraphs;
  const short = `${indent}/** ${only} */`;
  if (others.length === 0 && short.length <= WIDTH) return `${short}\n`;
  const width = WIDTH - indent.length - ' * '.length;
  const lines = paragraphs.flatMap((text) => wrap(text, width).map((line) => ` * ${line}`));
  return `${['/**', ...lines, ' */'].map((line) => indent + line).join('\n')}\n`;
}

/** A key of an object literal. */
export const key = (name) => (/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`);

export const quoted = (text) => `'${text}'`;

/** The beginning of a sentence. */
export const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** The constant object `name`, of `[key, value, meaning]`; an empty meaning is left out. */
export function constantObject(name, meaning, entries) {
  const body = entries.map(
    ([entry, value, words]) => `${words === '' ? '' : doc([words], '  ')}  ${key(entry)}: ${value},\n`,
  );
  return `${doc([meaning])}export const ${name} = {\n${body.join('')}} as const;\n`;
}
