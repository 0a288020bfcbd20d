// Codes, layouts and sizes: a module of native/binding/tables.h as a file of TypeScript.
import { constantObject, doc, header, quoted } from './typescript.mjs';

const constant = ({ name, value, meaning }) => `${doc([meaning])}export const ${name} = ${value};\n`;

/** A code or an offset is a number; a part of a layout has a place and a length. */
const literal = ({ value, length }) =>
  length === undefined ? String(value) : `{ at: ${value}, length: ${length} }`;

const table = ({ name, meaning, values }) =>
  constantObject(
    name,
    meaning,
    values.map((value) => [value.name, literal(value), value.meaning]),
  );

export const renderModule = ({ constants, tables }) =>
  [header('native/binding/tables.h'), ...constants.map(constant), ...tables.map(table)].join('\n');

/** The codes of options that are a choice: the places of their words. */
export const renderChoices = (knobs) =>
  [
    header('native/policy/knobs.def'),
    ...knobs
      .filter(({ type, option }) => type === 'choice' && option !== '')
      .map(({ option, variable, words }) =>
        constantObject(
          variable.replace('SUPERSLAB_', ''),
          `Codes of the option ${quoted(option)}.`,
          words.map((word, code) => [word, String(code), '']),
        ),
      ),
  ].join('\n');
