// git repacks a repository from scratch. Threads share the search for deltas and may find different ones, so
// it is the objects that must be the same, and whole, not the pack's bytes.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ProgramFailure } from './meter.js';
import { generator, type Program, read, sha256, skip, which } from './program.js';

const SETTINGS = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'A',
  GIT_COMMITTER_NAME: 'A',
};

/** As many on every machine; and the disk is no allocator's concern. */
const CONFIGURATION = ['-c', 'pack.threads=2', '-c', 'core.fsync=none', '-c', 'gc.auto=0'];

interface Size {
  readonly files: number;
  readonly lines: number;
  readonly commits: number;
}

/** The input of git fast-import: a tree of text files, of which each commit changes a few. */
function history({ files, lines, commits }: Size): Buffer {
  const random = generator(8);
  const word = () => random(1 << 30).toString(36);
  const line = () => Array.from({ length: 2 + random(8) }, word).join(' ');
  const texts = Array.from({ length: files }, () => Array.from({ length: lines / 2 + random(lines) }, line));
  const parts: string[] = [];
  const write = (i: number) => {
    const text = `${texts[i]!.join('\n')}\n`;
    parts.push(`M 100644 inline part${i % 17}/file${i}.txt\ndata ${text.length}\n${text}\n`);
  };
  for (let commit = 0; commit < commits; commit++) {
    const message = `Step ${commit}: ${line()}\n`;
    parts.push('commit refs/heads/main\n');
    parts.push(`committer A <a@example.org> ${1_600_000_000 + commit * 600} +0000\n`);
    parts.push(`data ${message.length}\n${message}\n`);
    if (commit === 0) for (let i = 0; i < files; i++) write(i);
    for (let change = 0; change < 6; change++) {
      const i = random(files);
      texts[i]!.splice(random(texts[i]!.length), random(4), ...Array.from({ length: random(5) }, line));
      write(i);
    }
  }
  parts.push('done\n');
  return Buffer.from(parts.join(''), 'latin1');
}

export const git: Program = {
  name: 'git',
  prepare: ({ meter, folder, quick }) => {
    const file = which('git');
    if (file === undefined) return skip('git', 'git');
    const env = meter.environment(SETTINGS);
    const template = join(folder, 'template.git');
    const repository = join(folder, 'repository.git');
    read(file, ['init', '-q', '--bare', '--initial-branch=main', template], { env });
    const size = quick ? { files: 40, lines: 80, commits: 60 } : { files: 300, lines: 300, commits: 1200 };
    const imported = spawnSync(file, ['fast-import', '--quiet', '--done'], {
      cwd: template,
      env,
      input: history(size),
    });
    if (imported.status !== 0) throw new Error(`git fast-import: ${imported.stderr}`);

    /** What must be there afterwards, and that nothing of it is damaged. */
    const contents = () => {
      const checked = spawnSync(file, ['fsck', '--full', '--strict'], {
        cwd: repository,
        env,
        encoding: 'utf8',
      });
      if (checked.status !== 0) throw new ProgramFailure(`git fsck: ${checked.stderr}${checked.stdout}`);
      const objects = read(file, ['rev-list', '--objects', '--all'], { cwd: repository, env });
      const count = read(file, ['count-objects', '-v'], { cwd: repository, env });
      return `${/in-pack: \d+/.exec(count)} ${/packs: \d+/.exec(count)} ${sha256(objects)}`;
    };
    return {
      executables: [file],
      run: async (preload, limitSeconds) => {
        rmSync(repository, { recursive: true, force: true });
        cpSync(template, repository, { recursive: true });
        const command = {
          file,
          args: [...CONFIGURATION, 'repack', '-a', '-d', '-f', '-q', '--window=50'],
          cwd: repository,
          env: SETTINGS,
        };
        const { stdout: _, ...usage } = await meter.run(command, preload, limitSeconds);
        return { ...usage, output: contents() };
      },
    };
  },
};
