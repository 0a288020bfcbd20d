// The options of pools that are policy values: their types, and what an editor shows of them.
import { doc, header, quoted } from './typescript.mjs';

/** That of biome.json. */
const LINE_WIDTH = 110;

const TYPES = {
  bytes: () => 'number | string',
  milliseconds: () => 'number',
  count: () => 'number',
  flag: () => 'boolean',
  choice: ({ words }) => words.map(quoted).join(' | '),
  placement: ({ words }) => `${words.map(quoted).join(' | ')} | number`,
};

/** A value of the environment as a program writes it. */
function literal({ type }, value) {
  if (type === 'flag') return value === '1' ? 'true' : 'false';
  return /^\d+$/.test(value) ? value : quoted(value);
}

const RANGES = {
  bytes: ({ min, max }) => `A number of bytes or a size such as '64m', from ${min} to ${max}.`,
  milliseconds: ({ min, max }) => `From ${min} to ${max}. Unit: ms.`,
  count: ({ min, max, unit }) => `From ${min} to ${max}. Unit: ${unit}.`,
  placement: ({ min, max }) => `Nodes have the numbers ${min} to ${max}.`,
};

/** The profiles that have another default, each with it. */
function inProfiles(knob, profiles) {
  const others = profiles.filter(({ variable }) => variable === knob.variable);
  return others
    .map(({ profile, value }) => `; ${literal(knob, value)} in the profile ${quoted(profile)}`)
    .join('');
}

function option(knob, profiles) {
  const range = RANGES[knob.type]?.(knob);
  const paragraphs = [
    range === undefined ? knob.meaning : `${knob.meaning} ${range}`,
    `${knob.variable} sets it for all pools.`,
    `@default ${literal(knob, knob.default)}${inProfiles(knob, profiles)}`,
  ];
  return `${doc(paragraphs, '  ')}  ${knob.option}?: ${TYPES[knob.type](knob)};\n`;
}

/** As the formatter breaks lines. */
function liveType(live) {
  const names = live.join(' | ');
  const each = live.map((name) => `| ${name}`).join('\n  ');
  const ways = [
    `export type LiveOptions = Pick<KnobOptions, ${names}>;`,
    `export type LiveOptions = Pick<\n  KnobOptions,\n  ${names}\n>;`,
    `export type LiveOptions = Pick<\n  KnobOptions,\n  ${each}\n>;`,
  ];
  const fits = (way) => way.split('\n').every((line) => line.length <= LINE_WIDTH);
  return `${ways.find(fits) ?? ways[2]}\n`;
}

export function renderOptions(knobs, profiles) {
  const ofPools = knobs.filter(({ option: name }) => name !== '');
  const options = ofPools.map((knob) => option(knob, profiles));
  const live = ofPools.filter(({ isLive }) => isLive).map(({ option: name }) => quoted(name));
  return [
    header('native/policy/knobs.def'),
    `${doc(['What can be set for one pool; see docs/KNOBS.md. Options win over the environment.'])}export interface KnobOptions {\n${options.join('')}}\n`,
    `${doc(['Those that can be changed while the pool is open.'])}${liveType(live)}`,
  ].join('\n');
}
