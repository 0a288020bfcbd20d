import { ScriptError } from '../support/paths.mjs';

/**
 * Which of `args` are the stress's own, by their names in `defaults`, and which go to the program that it runs.
 * `parts` is the option that lists what shares the seconds; `known` are the names that it may hold.
 */
export function ownOptions(args, defaults, parts, known) {
  const own = { ...defaults };
  const options = [];
  for (const arg of args) {
    const [, name, value] = /^--(\w+)=(.+)$/.exec(arg) ?? [];
    if (name === undefined || !Object.hasOwn(defaults, name)) options.push(arg);
    else own[name] = value;
  }
  const names = own[parts].split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ScriptError(`stress: --${parts}: no "${unknown}"; there are ${known.join(', ')}`);
  }
  if (!/^[1-9]\d*$/.test(own.seconds)) {
    throw new ScriptError(`stress: --seconds: "${own.seconds}" is no number of seconds`);
  }
  return { own, options, names, secondsEach: Math.ceil(Number(own.seconds) / names.length) };
}
