// `npm run mutate -- [native|js] [options]` plants faults in the source, one by one, and the tests must see each.
// scripts/mutate/ has a file for each side, and its options; docs/MUTATION.md has the last result. Without a name both
// sides run, one after the other.
import { main, ScriptError } from './support/paths.mjs';

const sides = ['native', 'js'];

await main(async () => {
  const [name = '', ...rest] = process.argv.slice(2);
  const isNamed = name !== '' && !name.startsWith('-');
  if (isNamed && !sides.includes(name)) {
    throw new ScriptError(`mutate: no "${name}"; there are ${sides.join(', ')}`);
  }
  if (!isNamed && name !== '')
    throw new ScriptError(`mutate: ${name}: options come after the name of a side`);
  for (const side of isNamed ? [name] : sides) {
    const { mutate } = await import(`./mutate/${side}.mjs`);
    await mutate(rest);
  }
});
