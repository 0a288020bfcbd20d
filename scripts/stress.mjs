// `npm run stress -- [malloc|js] [options]` does random work until something breaks. scripts/stress/ has a file for each
// of the two, with its options. Without a name it is malloc.
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
