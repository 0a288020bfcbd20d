import { MEMORY_KINDS } from '../memory/memory.js';
import { DEFAULT_OPTIONS } from '../server/log-server.js';
import { suggest } from './suggest.js';
import { UsageError } from './usage-error.js';
import { formatSize, integer, oneOf, type ReadValue, size, text } from './values.js';

type Mode = 'compare' | 'serve';

interface Switch {
  help: string;
  /** Where it has a meaning; none: everywhere. */
  mode?: Mode;
}

interface Valued<T> extends Switch {
  /** What stands for the value in the help. */
  value: string;
  read: ReadValue<T>;
  /** As one would type it. */
  initial: string;
}

type Option = Switch | Valued<unknown>;

function flag(help: string, mode?: Mode): Switch {
  return { help, mode };
}

function valued<T>(value: string, read: ReadValue<T>, initial: string, help: string, mode?: Mode): Valued<T> {
  return { value, read, initial, mode, help };
}

const PORT = integer(0, 65535);

/** All options, in the order of the help. */
const OPTIONS = {
  json: flag('print the table as JSON', 'compare'),
  rounds: valued('N', integer(1, 100), '3', 'rounds; the table shows medians', 'compare'),
  lines: valued('N', integer(1, 1e9), '1000000', 'lines sent at full speed in each round', 'compare'),
  rate: valued('N', integer(0, 1e8), '0', 'lines/s for latency; 0: a quarter of full speed', 'compare'),
  seconds: valued('N', integer(1, 3600), '2', 'how long latency is measured, in each round', 'compare'),
  connections: valued('N', integer(1, 1000), '8', 'TCP connections, half octet-counted', 'compare'),
  'udp-every': valued('N', integer(0, 1e6), '100', 'send one line in N over UDP; 0: none', 'compare'),
  serve: flag('listen until interrupted instead of comparing'),
  memory: valued('KIND', oneOf(MEMORY_KINDS), 'superslab', 'superslab, pooled or plain', 'serve'),
  host: valued('ADDRESS', text, '127.0.0.1', 'address to listen on', 'serve'),
  'tcp-port': valued('PORT', PORT, '5140', 'syslog over TCP; 0: any free one', 'serve'),
  'udp-port': valued('PORT', PORT, '5140', 'syslog over UDP', 'serve'),
  'http-port': valued('PORT', PORT, '5180', 'GET /status, /tail, /progress', 'serve'),
  'inspector-port': valued('PORT', PORT, '0', "page that shows superslab's memory; 0: any free", 'serve'),
  'no-open': flag('do not open that page in a browser', 'serve'),
  archive: valued('DIR', text, 'log-archive', 'where archives are written', 'serve'),
  'receive-buffer': valued(
    'SIZE',
    size(16 * 1024, 2 ** 30),
    formatSize(DEFAULT_OPTIONS.receiveBuffer),
    'largest receive buffer',
  ),
  keep: valued(
    'SIZE',
    size(0, 2 ** 40),
    formatSize(DEFAULT_OPTIONS.keepBytes),
    'memory that recent entries may hold',
  ),
  'max-message': valued(
    'SIZE',
    size(480, 1024 ** 2),
    formatSize(DEFAULT_OPTIONS.maxMessage),
    'longest message; longer ones are cut',
  ),
  cat: flag('print archives, one message a line'),
  help: flag('print this'),
} satisfies Record<string, Option>;

type Values = {
  [Name in keyof typeof OPTIONS]: (typeof OPTIONS)[Name] extends Valued<infer T> ? T : boolean;
};

export interface CommandLine extends Values {
  files: string[];
}

/** Reads the command line. Throws a UsageError that says what was meant, where that can be guessed. */
export function parseCommandLine(args: string[]): CommandLine {
  const values: Record<string, unknown> = {};
  const files: string[] = [];
  for (const [name, option] of entries()) {
    values[name] = isValued(option) ? option.read(option.initial, `--${name}`) : false;
  }
  const given: string[] = [];

  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!;
    if (arg === '--') {
      files.push(...args.slice(index + 1));
      break;
    }
    if (arg === '-h') args[index--] = '--help';
    else if (!arg.startsWith('-') || arg === '-') files.push(arg);
    else {
      const [, name = '', inline] = /^--?([^=]*)(?:=(.*))?$/s.exec(arg)!;
      const option = find(name);
      if (option === undefined || !arg.startsWith('--')) throw unknownOption(arg, name);
      given.push(name);
      if (!isValued(option)) {
        if (inline !== undefined) throw new UsageError(`--${name} takes no value`);
        values[name] = true;
      } else {
        const value = inline ?? args[++index];
        if (value === undefined) throw new UsageError(`--${name} wants a value: ${option.value}`);
        values[name] = option.read(value, `--${name}`);
      }
    }
  }
  const line = { ...values, files } as CommandLine;
  checkModes(line, given);
  return line;
}

function checkModes(line: CommandLine, given: string[]): void {
  if (line.help) return;
  const mode: Mode = line.serve ? 'serve' : 'compare';
  for (const name of given) {
    const only = find(name)!.mode;
    if (only === undefined || only === mode) continue;
    throw new UsageError(
      only === 'serve' ? `--${name} is for --serve` : `--${name} has no meaning with --serve`,
    );
  }
  if (line.serve && line.files.length > 0)
    throw new UsageError('--serve takes no files: send them to its port');
  if (line.cat && line.files.length === 0) throw new UsageError('--cat wants the archives to print');
}

function unknownOption(arg: string, name: string): UsageError {
  const close = suggest(name, Object.keys(OPTIONS));
  const hint = close === undefined ? 'try --help' : `did you mean "--${close}"?`;
  return new UsageError(`Unknown option "${arg.split('=')[0]}": ${hint}`);
}

export function helpText(): string {
  const section = (title: string, mode: Mode | undefined) => {
    const lines = entries()
      .filter(([, option]) => option.mode === mode)
      .map(([name, option]) => {
        const left = `  --${name}${isValued(option) ? ` ${option.value}` : ''}`;
        const initial = isValued(option) ? ` (${option.initial})` : '';
        return `${left.padEnd(24)}${option.help}${initial}`;
      });
    return [title, ...lines].join('\n');
  };
  return [
    'Usage: npm start -- [options] [FILE... | -]',
    '',
    'Feeds a log over loopback to a syslog server on superslab memory and to the same server on plain Node buffers,',
    'each in a process of its own, and prints what each cost. Files (.gz too) or standard input (-) instead of the',
    'log that comes with the example.',
    '',
    section('Comparing:', 'compare'),
    '',
    section('Serving (with --serve):', 'serve'),
    '',
    section('Always:', undefined),
  ].join('\n');
}

function isValued(option: Option): option is Valued<unknown> {
  return 'read' in option;
}

function find(name: string): Option | undefined {
  return Object.hasOwn(OPTIONS, name) ? (OPTIONS as Record<string, Option>)[name] : undefined;
}

function entries(): [string, Option][] {
  return Object.entries(OPTIONS);
}
