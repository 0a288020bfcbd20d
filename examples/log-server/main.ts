/** The log server's command line: see --help, and README.md for what it shows. */
import { cat } from './cli/cat.js';
import { runComparison } from './cli/compare.js';
import { compilersIdle } from './cli/compilers-idle.js';
import { helpText, parseCommandLine } from './cli/options.js';
import { serve } from './cli/serve.js';
import { UsageError } from './cli/usage-error.js';

try {
  const line = parseCommandLine(process.argv.slice(2));
  if (line.help) console.log(helpText());
  else {
    await (line.cat ? cat(line.files) : line.serve ? serve(line) : runComparison(line));
    await compilersIdle();
  }
} catch (error) {
  console.error(`npm start: ${(error as Error).message}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
