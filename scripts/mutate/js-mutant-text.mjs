/** The code of a mutant before and after, each on one line. Lines and columns begin with one. */
export function mutantText(source, { start, end }, replacement) {
  const lines = source.split('\n').slice(start.line - 1, end.line);
  lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
  lines[0] = lines[0].slice(start.column - 1);
  const short = (code) => code.replace(/\s+/g, ' ');
  return { before: short(lines.join('\n')), after: short(replacement) };
}
