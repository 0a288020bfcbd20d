// Findings as text: a line for what is well, and what to do below the rest.
import { type Style, wrap } from '../output.js';
import type { Finding, Status } from './finding.js';

/** Of ECMA-48, for terminals. */
const colours: Readonly<Record<Status, number>> = { ok: 32, note: 36, warning: 33, problem: 31 };

const STATUS_WIDTH = 9;
const INDENT = 11;

function paint(status: Status, style: Style): string {
  const text = status.padEnd(STATUS_WIDTH);
  return style.colour ? `\u001b[${colours[status]}m${text}\u001b[0m` : text;
}

/** Commands stay on one line, so that they can be copied. Of notes there may be many: no reading list. */
function details({ status, why, advice, command, permanent, source }: Finding, width: number): string[] {
  return [
    ...wrap(why, width),
    ...(advice === undefined ? [] : wrap(advice, width)),
    ...(command === undefined ? [] : [`  ${command}`]),
    ...(permanent === undefined ? [] : ['and for the next start:', `  ${permanent}`]),
    ...(source === undefined || status === 'note' ? [] : [`see ${source}`]),
  ];
}

function summary(findings: readonly Finding[]): string {
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  const parts = (['problem', 'warning', 'note'] as const)
    .map((status) => [count(status), status] as const)
    .filter(([number]) => number > 0)
    .map(([number, status]) => `${number} ${status}${number === 1 ? '' : 's'}`);
  return parts.length === 0 ? 'All is well.' : `${parts.join(', ')}.`;
}

export function print(findings: readonly Finding[], style: Style): string {
  const titleWidth = Math.max(...findings.map(({ title }) => title.length)) + 2;
  const foundAt = STATUS_WIDTH + titleWidth;
  const lines: string[] = [];
  for (const finding of findings) {
    const [first, ...more] = wrap(finding.found, style.width - foundAt);
    lines.push(`${paint(finding.status, style)}${finding.title.padEnd(titleWidth)}${first}`);
    lines.push(...more.map((line) => ' '.repeat(foundAt) + line));
    if (finding.status === 'ok') continue;
    lines.push(...details(finding, style.width - INDENT).map((line) => ' '.repeat(INDENT) + line));
  }
  const isForRoot = findings.some(({ status, command }) => status !== 'ok' && command?.includes('sudo '));
  if (isForRoot) lines.push('', 'What begins with sudo is set on the machine: for a container, on its host.');
  lines.push('', summary(findings));
  return `${lines.join('\n')}\n`;
}
