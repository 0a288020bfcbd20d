// The part of PromQL's grammar that alert rules are written in. Throws for whatever it does not know.

export interface Selector {
  readonly metric: string;
  /** Of the matchers in braces. */
  readonly labels: readonly string[];
  /** "5m" in `metric[5m]`; undefined for an instant. */
  readonly range: string | undefined;
  /** The function whose argument it is; undefined when it is none's. */
  readonly function: string | undefined;
}

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([a-zA-Z_:][\w:]*)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\[\d+(?:ms|[smhdwy])\])|(==|!=|>=|<=|=~|!~|[-+*/%^><=(){},]))/y;
const FUNCTIONS = ['rate', 'increase', 'irate', 'delta', 'deriv', 'abs', 'histogram_quantile'].concat(
  ['avg', 'min', 'max', 'sum', 'count', 'last'].map((name) => `${name}_over_time`),
);
const TAKES_RANGE = /^(i?rate|increase|delta|deriv|\w+_over_time)$/;
const AGGREGATIONS = ['sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk'];
/** Loosest first. */
const OPERATORS = [
  ['or'],
  ['and', 'unless'],
  ['==', '!=', '>', '<', '>=', '<='],
  ['+', '-'],
  ['*', '/', '%'],
];

function tokens(text: string): string[] {
  const out: string[] = [];
  TOKEN.lastIndex = 0;
  for (const rest = text.trimEnd(); TOKEN.lastIndex < rest.length; ) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(rest);
    if (match === null) throw new Error(`not PromQL from ${JSON.stringify(rest.slice(at, at + 20))} on`);
    out.push(match[0].trim());
  }
  return out;
}

/** What an expression selects; throws when it is not PromQL. */
export function selectorsOf(text: string): Selector[] {
  const all = tokens(text);
  const found: Selector[] = [];
  let next = 0;
  const peek = () => all[next] ?? '';
  const fail = (wanted: string) => {
    throw new Error(`${text}: ${wanted} expected, found ${peek() === '' ? 'the end' : peek()}`);
  };
  const take = (wanted: string) => (peek() === wanted ? next++ : fail(wanted));
  const isName = () => /^[a-zA-Z_:]/.test(peek());
  const name = () => (isName() ? all[next++]! : fail('a name')) as string;

  function list(open: string, close: string, item: () => void): void {
    take(open);
    while (peek() !== close) {
      item();
      if (peek() !== close) take(',');
    }
    take(close);
  }

  function selector(metric: string, fn: string | undefined): void {
    const labels: string[] = [];
    if (peek() === '{') {
      list('{', '}', () => {
        labels.push(name());
        if (!['=', '!=', '=~', '!~'].includes(peek())) fail('a matcher');
        next++;
        if (!/^["']/.test(peek())) fail('a text');
        next++;
      });
    }
    const range = peek().startsWith('[') ? all[next++]!.slice(1, -1) : undefined;
    if ((range !== undefined) !== TAKES_RANGE.test(fn ?? '')) {
      throw new Error(
        `${text}: ${fn ?? 'no function'} of ${metric}${range === undefined ? '' : `[${range}]`}`,
      );
    }
    found.push({ metric, labels, range, function: fn });
  }

  function unary(fn?: string): void {
    if (peek() === '-') next++;
    if (peek() === '(') {
      next++;
      binary(0, undefined);
      take(')');
    } else if (/^\d/.test(peek())) {
      next++;
    } else {
      const word = name();
      if (AGGREGATIONS.includes(word)) {
        if (peek() === 'by' || peek() === 'without') {
          next++;
          list('(', ')', name);
        }
        list('(', ')', () => binary(0));
      } else if (peek() === '(') {
        if (!FUNCTIONS.includes(word)) throw new Error(`${text}: no function ${word}`);
        list('(', ')', () => binary(0, word));
      } else {
        selector(word, fn);
      }
    }
  }

  function binary(level: number, fn?: string): void {
    const operators = OPERATORS[level];
    if (operators === undefined) {
      unary(fn);
      return;
    }
    binary(level + 1, fn);
    while (operators.includes(peek())) {
      next++;
      if (peek() === 'on' || peek() === 'ignoring') {
        next++;
        list('(', ')', name);
      }
      binary(level + 1, fn);
    }
  }

  binary(0);
  if (next < all.length) fail('an operator');
  return found;
}
