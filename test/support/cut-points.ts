// The package once more, evaluated with a place to cut it off wherever V8 looks for interruptions: where a function is
// entered, one of JavaScript's own included, and where a loop turns. A test says at which place, and by what, and gets that
// cut each time.
import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { mayThrow } from './api-steps.js';

/** What cuts JavaScript off. */
export type Cut =
  /** As a timeout of `vm`: neither `catch` nor `finally` runs. */
  | 'termination'
  /** A full stack that has room again in the first `catch`. */
  | 'full once'
  /** A full stack that is full for whatever is called until the operation is left. */
  | 'full';

const folder = fileURLToPath(new URL('../../dist/cjs/', import.meta.url));
const POINT = '__cutPoint';

/** Functions of JavaScript itself. Most are entered as the program's own are: they look for an interruption before they do anything. */
const OWN = [
  Array,
  ArrayBuffer,
  FinalizationRegistry,
  Map,
  Number,
  Object,
  Promise,
  Set,
  String,
  Uint8Array,
  WeakMap,
  WeakRef,
  WeakSet,
];
const namesOf = (object: object) => Object.getOwnPropertyNames(object);
const METHODS = new Set([
  ...OWN.flatMap((own) => [...namesOf(own), ...namesOf(own.prototype)]),
  ...[Atomics, Math, Reflect].flatMap(namesOf),
]);
const CLASSES = new Set(OWN.map(({ name }) => name));
const GETTERS = new Set(['size', 'buffer', 'byteLength', 'byteOffset']);

/** What is called, by its last name; `lib/base/builtins.ts` has some of them by other names. */
function isOfJavaScript(callee: ts.Expression): boolean {
  if (ts.isParenthesizedExpression(callee)) return callee.getText().startsWith('(0, builtins_js');
  if (ts.isIdentifier(callee)) return CLASSES.has(callee.text);
  if (!ts.isPropertyAccessExpression(callee)) return false;
  return METHODS.has(callee.name.text) || callee.expression.getText().endsWith('.builtins');
}

/** Whether the value of an expression is read, and nothing else is done with it. */
function isRead(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isCallExpression(parent) || ts.isDeleteExpression(parent)) return false;
  if (ts.isPostfixUnaryExpression(parent) || ts.isPrefixUnaryExpression(parent))
    return (
      parent.operator !== ts.SyntaxKind.PlusPlusToken && parent.operator !== ts.SyntaxKind.MinusMinusToken
    );
  return (
    !ts.isBinaryExpression(parent) ||
    parent.left !== node ||
    parent.operatorToken.kind < ts.SyntaxKind.FirstAssignment ||
    parent.operatorToken.kind > ts.SyntaxKind.LastAssignment
  );
}

/**
 * `source` with a call of POINT at the beginning of each function and each turn of a loop, where a loop asks for a next turn in
 * vain, and before each call of what is JavaScript's own. Lines stay as they are.
 */
export function withPoints(source: string): string {
  const insertions: { at: number; text: string }[] = [];
  const insert = (at: number, text: string) => insertions.push({ at, text });
  const body = (node: ts.Statement) => {
    if (ts.isBlock(node)) insert(node.getStart() + 1, `${POINT}();`);
    else {
      insert(node.getStart(), `{${POINT}();`);
      insert(node.end, '}');
    }
  };
  /** Its arguments come first. */
  const call = ({ arguments: args, end }: ts.CallExpression | ts.NewExpression) => {
    if (args !== undefined)
      insert(end - 1, `${args.length > 0 && !args.hasTrailingComma ? ', ' : ''}...${POINT}()`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isForOfStatement(node) && !ts.isLabeledStatement(node.parent)) {
      insert(node.getStart(), '{');
      insert(node.end, `${POINT}();}`);
    }
    if (ts.isIterationStatement(node, false)) body(node.statement);
    if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && isOfJavaScript(node.expression))
      call(node);
    if (ts.isPropertyAccessExpression(node) && GETTERS.has(node.name.text) && isRead(node)) {
      insert(node.getStart(), `(${POINT}(), `);
      insert(node.end, ')');
    }
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const code = node.body as ts.ConciseBody;
      if (ts.isBlock(code)) body(code);
      else {
        insert(code.getStart(), `(${POINT}(), `);
        insert(code.end, ')');
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('module.js', source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS));
  // From the end on, so that places stay right; of two at one place the inner one stands behind.
  insertions.sort((a, b) => b.at - a.at);
  return insertions.reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), source);
}

let left = Number.POSITIVE_INFINITY;
let by: Cut = 'full';
const session = new Session();

const NOTHING: never[] = [];

/** Returns no arguments. */
function point(): never[] {
  left--;
  if (left > 0 || (left < 0 && by !== 'full')) return NOTHING;
  if (left === 0) place = new Error('cut off').stack!;
  if (by !== 'termination') throw new RangeError('Maximum call stack size exceeded');
  session.post('Runtime.terminateExecution');
  for (;;); // It is noticed here.
}

/** What upkeep does, as soon as the stack is empty. */
export async function doUpkeep({ cores, unfinished }: Evaluation): Promise<void> {
  await null;
  unfinished.undoInterrupted();
  for (const core of cores.closingCores) {
    core.endClosing();
    core.tick();
    core.settle();
  }
  for (const core of cores.openCores.values()) {
    core.tick();
    core.serveWaiters();
  }
}

/** The stack of the last cut. */
export let place = '';

let running: () => void = () => {};

/**
 * Calls `step`, and cuts it off at its `at`-th point.
 * @returns false when it has not so many
 */
export function cutOff(step: () => void, at: number, how: Cut): boolean {
  by = how;
  let failure: unknown;
  let wasCut = true;
  running = () => {
    left = at;
    try {
      step();
    } catch (error) {
      failure = error;
    }
    wasCut = left <= 0;
    left = Number.POSITIVE_INFINITY;
  };
  // What is terminated ends in evaluate(), and the thread goes on.
  if (how === 'termination') session.post('Runtime.evaluate', { expression: `${RUN}()`, timeout: 1e8 });
  else running();
  left = Number.POSITIVE_INFINITY;
  if (!wasCut && failure !== undefined) throw failure;
  return wasCut;
}

export const CUTS: readonly Cut[] = ['termination', 'full once', 'full'];

/**
 * Cuts `step` off at each of its points in turn, each time with a model of its own; `end` says whether all is well then. What fails
 * names the point.
 */
export async function cutEverywhere<Model>(
  how: Cut,
  begin: () => Model | Promise<Model>,
  step: (model: Model) => void,
  end: (model: Model) => unknown,
): Promise<void> {
  let points = 0;
  try {
    for (let wasCut = true; wasCut; ) {
      points++;
      const model = await begin();
      wasCut = cutOff(() => mayThrow(() => step(model)), points, how);
      await end(model);
    }
  } catch (error) {
    throw new Error(`point ${points}: ${place}`, { cause: error });
  }
  if (points === 1) throw new Error('it has no points');
}

const RUN = '__runUntilCutOff';

/** A pool as upkeep sees it. */
interface Upkept {
  readonly name: string;
  tick(): boolean;
  serveWaiters(): void;
  relieve(step: number): number;
  endClosing(): void;
  settle(): void;
}

interface Evaluation {
  superslab: typeof import('superslab');
  pools: typeof import('superslab/pools');
  files: typeof import('superslab/files');
  cores: { openCores: Map<number, Upkept>; closingCores: Set<Upkept> };
  unfinished: { undoInterrupted(): void };
}

/** The package with its points: an evaluation of its own, whose pools have nothing to do with those of `superslab`. */
export function evaluateWithPoints(): Evaluation {
  session.connect();
  Object.assign(globalThis, { [POINT]: point, [RUN]: () => running() });
  const loaders = (Module as unknown as { _extensions: NodeJS.RequireExtensions })._extensions;
  const loadOther = loaders['.js']!;
  const { cache } = createRequire(import.meta.url);
  const before = Object.keys(cache).filter((file) => file.startsWith(folder));
  const kept = before.map((file) => [file, cache[file]!] as const);
  for (const file of before) delete cache[file];
  loaders['.js'] = (module, file) => {
    if (!file.startsWith(folder)) loadOther(module, file);
    else {
      const { _compile } = module as unknown as { _compile(source: string, file: string): void };
      _compile.call(module, withPoints(readFileSync(file, 'utf8')), file);
    }
  };
  try {
    // A module holds those that it required first: another parent each time.
    const load = createRequire(path.join(folder, 'evaluation.js'));
    const superslab = load('./index.js');
    // Upkeep, which repairs what was cut off, comes by as often as it can.
    superslab.default.tune({ purgeDelayMs: 0 });
    return {
      superslab,
      pools: load('./pools.js'),
      files: load('./files.js'),
      cores: load('./pool/cores.js'),
      unfinished: load('./pool/unfinished.js'),
    };
  } finally {
    loaders['.js'] = loadOther;
    for (const file of Object.keys(cache)) if (file.startsWith(folder)) delete cache[file];
    for (const [file, module] of kept) cache[file] = module;
  }
}
