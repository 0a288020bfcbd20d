// The mutants of a C++ source, line by line. Each is text that takes the place of other text on its line and keeps what it says
// unless ss_mutant(n) is true: see mutant.h. So all of them live in one build. It is no parser: what
// the compiler refuses is left out by who builds.
// Constants and assertions are left alone: the ones are made at compile time, the others end the program by themselves.

/** The line with comments, strings and characters blanked out, as long as it was. */
function codeOf(line) {
  const blank = (text) => ' '.repeat(text.length);
  return line.replace(/"(?:\\.|[^"\\])*"|(?<![0-9a-fA-F])'(?:\\.|[^'\\])'|\/\/.*$/g, blank);
}

const closing = { '(': ')', '[': ']', '{': '}' };

/** Where the operand that starts at `from` ends: before what binds less than `&&` and `||`, or is outside of it. */
function endOfOperand(code, from) {
  let depth = 0;
  for (let i = from; i < code.length; ++i) {
    if (code[i] in closing) ++depth;
    else if (Object.values(closing).includes(code[i])) {
      if (depth === 0) return i;
      --depth;
    } else if (depth === 0 && (/^[;,]/.test(code.slice(i)) || /^ (&&|\|\||\?|:) /.test(code.slice(i))))
      return i;
  }
  return -1; // it goes on in the next line
}

/** Where the bracket that is open at `from` is closed, or -1. */
function endOfBracket(code, from) {
  let depth = 0;
  for (let i = from; i < code.length; ++i) {
    if (code[i] in closing) ++depth;
    else if (Object.values(closing).includes(code[i]) && --depth === 0) return i;
  }
  return -1;
}

/** Where the object begins whose member is called at `at`, the place of a dot. */
function startOfObject(code, at) {
  let i = at;
  while (i > 0) {
    const before = code[i - 1];
    if (before === ')' || before === ']') {
      let depth = 0;
      do {
        --i;
        if (code[i] === ')' || code[i] === ']') ++depth;
        if (code[i] === '(' || code[i] === '[') --depth;
      } while (i > 0 && depth > 0);
    } else if (/[\w.:]/.test(before) || code.slice(i - 2, i) === '->') i -= before === '>' ? 2 : 1;
    else break;
  }
  return i;
}

const infix = {
  '<': 'lt < >',
  '<=': 'le < >',
  '>': 'gt < >',
  '>=': 'ge < >',
  '==': 'eq == ==',
  '!=': 'ne == ==',
  '+': 'plus + +',
  '-': 'minus + +',
  '&': 'and & &',
  '|': 'or | |',
  '<<': 'shl << <<',
  '>>': 'shr << <<',
};
const becomes = { lt: '<=', le: '<', gt: '>=', ge: '>', eq: '!=', ne: '==', plus: '-', minus: '+' };
Object.assign(becomes, { and: '|', or: '&', shl: '>>', shr: '<<' });

function* binaryOperators(code) {
  for (const { 1: operator, index } of code.matchAll(/(?<=[^\s]) (<=|>=|==|!=|<<|>>|[<>+&|-]) (?=\S)/g)) {
    const [name, first, second] = infix[operator].split(' ');
    const put = (n) => ` ${first} ss_${name}{${n}} ${second} `;
    yield { from: index, to: index + operator.length + 2, change: `${operator} → ${becomes[name]}`, put };
  }
}

/** A condition of several has no say. */
function* logic(code, line) {
  for (const { 1: operator, index } of code.matchAll(/ (&&|\|\|) (?=\S)/g)) {
    const from = index + operator.length + 2;
    const to = endOfOperand(code, from);
    if (to < 0) continue;
    const text = line.slice(from, to);
    const put = (n) =>
      operator === '&&' ? `(ss_mutant(${n}) || (${text}))` : `(!ss_mutant(${n}) && (${text}))`;
    yield { from, to, change: `${operator} ${text} left out`, put };
  }
}

function* conditions(code, line) {
  for (const match of code.matchAll(/\b(if|while) \(/g)) {
    const open = match.index + match[0].length - 1;
    const to = endOfBracket(code, open);
    if (to < 0) continue;
    const from = Math.max(open, code.lastIndexOf(';', to)) + 1;
    const text = line.slice(from, to);
    yield {
      from,
      to,
      change: `${match[1]} not (${text.trim()})`,
      put: (n) => `ss_mutant(${n}) != !!(${text})`,
    };
  }
}

function* constants(code) {
  for (const { 0: text, index } of code.matchAll(/(?<![\w.'"])\d+u?(?![\w.'"])/g)) {
    const more = text.replace(/\d+/, (digits) => String(Number(digits) + 1));
    const put = (n) => `(ss_mutant(${n}) ? ${more} : ${text})`;
    yield { from: index, to: index + text.length, change: `${text} → ${more}`, put };
  }
  for (const { 1: text, index } of code.matchAll(/\breturn (true|false);/g)) {
    const from = index + 'return '.length;
    const put = (n) => `ss_mutant(${n}) != ${text}`;
    yield { from, to: from + text.length, change: `return not ${text}`, put };
  }
}

/** A loop that ends one too early. */
function* loops(code, line) {
  for (const match of code.matchAll(/\bfor \([^;]*; [^;]*? (?:<|!=) ([^;&|]+);/g)) {
    const from = match.index + match[0].length - 1 - match[1].length;
    const text = line.slice(from, from + match[1].length);
    if (text === 'nullptr') continue;
    const put = (n) => `(${text}) - ss_mutant(${n})`;
    yield { from, to: from + text.length, change: `up to ${text} - 1`, put };
  }
}

const opposites = {
  align_up: 'align_down',
  align_down: 'align_up',
  'std::min': 'std::max',
  'std::max': 'std::min',
};

function* calls(code, line) {
  for (const match of code.matchAll(/(?<![\w:])(align_up|align_down|std::min|std::max)(?=[(<])/g)) {
    const end = endOfBracket(code, code.indexOf('(', match.index));
    if (end < 0) continue;
    const text = line.slice(match.index, end + 1);
    const opposite = opposites[match[1]];
    const put = (n) => `(ss_mutant(${n}) ? ${opposite}${text.slice(match[1].length)} : ${text})`;
    yield { from: match.index, to: end + 1, change: `${match[1]} → ${opposite}`, put };
  }
}

/** A number that is one more. */
function* results(code, line) {
  for (const match of code.matchAll(/\breturn ([^;]+);/g)) {
    const text = line.slice(match.index + 7, match.index + 7 + match[1].length);
    if (/^(true|false|nullptr|\d+)$/.test(text) || /^[[{]/.test(text)) continue;
    const put = (n) => `(ss_mutant(${n}) ? (${text}) + 1 : (${text}))`;
    yield { from: match.index + 7, to: match.index + 7 + text.length, change: `return one more`, put };
  }
}

/** A whole statement on a line of its own that is a call, an assignment or a step: nothing declared, nothing returned. */
const statement =
  /^(\s*)((?:(?:\+\+|--)[\w.>()[\]-]+|[\w*][\w.:()[\]*>-]* (?:[-+|&^]|<<|>>)?= .*|(?!return\b)\w[\w.:[\]>-]*\(.*\)|continue|break|return);)\s*$/;

function* statements(code, line, previous) {
  const match = statement.exec(code);
  if (match === null) return;
  // The end of a statement that began before.
  if (previous !== '' && !/[;{}:)]$/.test(previous) && !/\belse$/.test(previous)) return;
  if (endOfBracket(`(${code.trim()})`, 0) !== code.trim().length + 1) return;
  const text = line.slice(match[1].length).trim();
  const from = match[1].length;
  yield {
    from,
    to: from + match[2].length,
    change: `${match[2]} left out`,
    put: (n) => `{ if (!ss_mutant(${n})) ${match[2]} }`,
    text,
  };
}

/** Orders of memory: nothing that x86 could show, but ThreadSanitizer does. */
function* orders(code, line) {
  for (const match of code.matchAll(/(?:\.|->)(load|store|exchange|fetch_\w+|compare_exchange_\w+)\(/g)) {
    const open = match.index + match[0].length - 1;
    const end = endOfBracket(code, open);
    if (end < 0) continue;
    const from = startOfObject(code, match.index);
    const text = line.slice(from, end + 1);
    const relaxed = text.replace(/memory_order_(acquire|release|acq_rel)/g, 'memory_order_relaxed');
    if (relaxed === text) continue;
    const put = (n) => `(ss_mutant(${n}) ? ${relaxed} : ${text})`;
    yield {
      from,
      to: end + 1,
      change: `${/_(acquire|release|acq_rel)/.exec(text)[1]} → relaxed`,
      put,
      isOrder: true,
    };
  }
}

const untouched =
  /^\s*(#|\/\/|static_assert|assert\(|using |template |namespace |(static |inline )*constexpr (?!\w+ \w+\()|case )|\\$|\boperator\b/;

/** All mutants of the text of `file`: { file, line, code, change, from, to, put(n), isOrder }. */
export function mutantsOf(file, text) {
  const found = [];
  let previous = '';
  for (const [index, line] of text.split('\n').entries()) {
    const code = codeOf(line);
    if (!untouched.test(line)) {
      const operators = [
        binaryOperators,
        logic,
        conditions,
        constants,
        loops,
        calls,
        results,
        statements,
        orders,
      ];
      for (const operator of operators) {
        for (const mutant of operator(code, line, previous)) {
          found.push({ file, line: index + 1, code: line.trim(), ...mutant });
        }
      }
    }
    if (code.trim() !== '') previous = code.trim();
  }
  return found;
}

/**
 * The text with those mutants in it, which must not overlap. Each is told where it stands there: { at: [from, to] }, columns
 * from 1.
 */
export function plant(text, mutants) {
  const lines = text.split('\n');
  const longer = new Map();
  for (const mutant of mutants.toSorted((a, b) => a.from - b.from)) {
    const { number, from, to } = mutant;
    const before = longer.get(mutant.line) ?? 0;
    const line = lines[mutant.line - 1];
    const planted = mutant.put(number);
    lines[mutant.line - 1] = line.slice(0, before + from) + planted + line.slice(before + to);
    mutant.at = [before + from + 1, before + from + planted.length];
    longer.set(mutant.line, before + planted.length - (to - from));
  }
  return lines.join('\n');
}
