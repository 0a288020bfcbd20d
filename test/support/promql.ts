// What expressions of PromQL select, by the grammar that Prometheus publishes.
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  readonly metric: string;
  /** "5m" in `metric[5m]`; undefined for an instant. */
  readonly range: string | undefined;
  /** The function whose argument it is; undefined when it is none's. */
  readonly function: string | undefined;
}

type Node = ReturnType<typeof parser.parse>['topNode'];

/** Functions of a range; the others, and operators, are of instants. */
const TAKES_RANGE = /^(i?rate|increase|i?delta|deriv|\w+_over_time)$/;
/** Prometheus before 3.0 refuses a number without its unit. */
const DURATION = /^\d+(ms|[smhdwy])$/;

/** The selectors of an expression; throws when it is not PromQL, and for a function of the wrong type. */
export function selectorsOf(text: string): Selector[] {
  const found: Selector[] = [];
  parser.parse(text).iterate({
    enter({ type, from, node }) {
      if (type.isError)
        throw new Error(`not PromQL from ${JSON.stringify(text.slice(from, from + 20))} on: ${text}`);
      if (type.name === 'VectorSelector') found.push(selector(text, node));
    },
  });
  return found;
}

function selector(text: string, vector: Node): Selector {
  const words = (node: Node | null | undefined) => node && text.slice(node.from, node.to);
  const matrix = vector.parent?.name === 'MatrixSelector' ? vector.parent : undefined;
  const call = (matrix ?? vector).parent?.parent;
  const name =
    words(call?.name === 'FunctionCall' ? call.getChild('FunctionIdentifier') : undefined) ?? undefined;
  const range = words(matrix?.getChild('DurationExpr')) ?? undefined;
  const isRight =
    range === undefined
      ? !TAKES_RANGE.test(name ?? '')
      : TAKES_RANGE.test(name ?? '') && DURATION.test(range);
  if (!isRight) throw new Error(`${name ?? 'no function'} of ${words(matrix ?? vector)}: ${text}`);
  return { metric: words(vector.getChild('Identifier'))!, range, function: name };
}
