// `npm run test:numa [-- --kernel=DIR] [-- command...]` runs what is about memory nodes on a machine that has two, which qemu
// emulates: the native tests of it, and those of NumaPool. Not part of `npm test`: it needs qemu and a kernel
// (scripts/support/two-node-machine.mjs), and takes minutes. With a command, that is run there instead.
//
//   --kernel=DIR   where a kernel's package was unpacked; this machine's own by default
import { buildForTests } from './support/build-for-tests.mjs';
import { at, main, say } from './support/paths.mjs';
import { runOnTwoNodes } from './support/two-node-machine.mjs';

const SWITCH = '--kernel=';

const steps = [
  ['build/Release/native_tests', 'os: ', 'heap: nothing is lost', 'runtime: '],
  ['node_modules/.bin/vitest', 'run', 'test/pools/numa-pool.test.ts', 'test/pools/numa-two-nodes.test.ts'],
];

await main(async () => {
  const args = process.argv.slice(2);
  const kernel = args.find((arg) => arg.startsWith(SWITCH))?.slice(SWITCH.length);
  const command = args.filter((arg) => !arg.startsWith(SWITCH));
  if (command.length === 0) await buildForTests();
  for (const step of command.length > 0 ? [command] : steps) {
    say(`on two nodes: ${step.join(' ')}`);
    const options = { folder: at(), print: (line) => process.stdout.write(`${line}\n`) };
    const status = await runOnTwoNodes(step, kernel === undefined ? options : { ...options, kernel });
    if (status !== 0) process.exitCode = 1;
  }
});
