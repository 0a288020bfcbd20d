// Reads what Prometheus scrapes, as strictly as its own parser does (text format 0.0.4).

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`);
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|\+Inf|-Inf|Nan)$/i;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

const unescaped = (text: string) => text.replace(/\\(["\\n])/g, (_, c: string) => (c === 'n' ? '\n' : c));
const numberOf = (text: string) =>
  /inf/i.test(text) ? (text.startsWith('-') ? -Infinity : Infinity) : Number(text);

function sampleOf(line: string): Sample {
  const [, name, labelText = '', value] = SAMPLE.exec(line) ?? [];
  if (name === undefined || !VALUE.test(value!)) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  for (const [pair] of labelText.matchAll(new RegExp(LABEL, 'g'))) {
    const label = pair.slice(0, pair.indexOf('='));
    if (label in labels) throw new Error(`label twice: ${line}`);
    labels[label] = unescaped(pair.slice(pair.indexOf('=') + 2, -1));
  }
  return { name, labels, value: numberOf(value!) };
}

/** The families by name; throws for what a Prometheus server would refuse or misunderstand. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line is not ended');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let family: Family | undefined;
  let help: { name: string; text: string } | undefined;
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, kind, name, rest] = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line) ?? [];
    if (kind === 'HELP') {
      help = { name: name!, text: rest! };
    } else if (kind === 'TYPE') {
      if (families.has(name!)) throw new Error(`family twice: ${name}`);
      if (help?.name !== name) throw new Error(`no help: ${name}`);
      if (!TYPES.includes(rest!)) throw new Error(`no type: ${line}`);
      family = { name: name!, type: rest!, help: help!.text, samples: [] };
      families.set(name!, family);
    } else {
      const sample = sampleOf(line);
      const base =
        family?.type === 'histogram' ? sample.name.replace(/_(bucket|sum|count)$/, '') : sample.name;
      if (base !== family?.name) throw new Error(`sample outside of its family: ${line}`);
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (series.has(key)) throw new Error(`series twice: ${line}`);
      series.add(key);
      family.samples.push(sample);
    }
  }
  return families;
}
