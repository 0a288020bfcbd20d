#!/usr/bin/env node
import { main } from '../dist/cjs/cli/main.js';

await main(process.argv.slice(2));
