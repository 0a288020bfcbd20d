import { spawn } from 'node:child_process';
import { root, ScriptError } from './paths.mjs';

/**
 * Runs a program with its output on ours (standard error: standard output belongs to results).
 * Resolves when it exits 0; throws a ScriptError naming it otherwise.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['inherit', 2, 2], ...options });
    child.on('error', (error) => reject(new ScriptError(`${command}: ${error.message}`)));
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new ScriptError(`${command} ${args.join(' ')}: ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** Runs a Node program in our place, with another Node when asked: same standard streams, its exit code, signals passed on. */
export function become(args, node = process.execPath) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    child.on('exit', (code, signal) => {
      for (const name of signals) process.off(name, pass);
      if (signal) process.kill(process.pid, signal);
      else process.exitCode = code ?? 1;
      resolve();
    });
  });
}
