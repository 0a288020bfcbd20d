// `npm run stress -- [malloc|js] [options]`: random work until something breaks. scripts/stress/ has a file for what
// is put under stress, and its options; the first is what runs without a name.
import { main, ScriptError } from './support/paths.mjs';

const subjects = ['malloc', 'js'];

await main(async () => {
  const [name = '', ...rest] = process.argv.slice(2);
  const isNamed = name !== '' && !name.startsWith('-');
  if (isNamed && !subjects.includes(name))
    throw new ScriptError(`stress: no "${name}"; there are ${subjects.join(', ')}`);
  const { stress } = await import(`./stress/${isNamed ? name : subjects[0]}.mjs`);
  await stress(isNamed ? rest : process.argv.slice(2));
});
