// PHP under libsuperslab.so. It loads its extensions with RTLD_DEEPBIND, so that each of them would use the C
// library's free() for what PHP allocated.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from './support/child.js';
import { superslab } from './support/cli.js';
import { isMissing } from './support/tools.mjs';

const library = path.join(packageRoot, 'build/Release/libsuperslab.so');

/** The extensions that PHP has; undefined where there is no PHP. */
function extensions(): readonly string[] | undefined {
  try {
    return execFileSync('php', ['-m'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  } catch {
    return undefined;
  }
}

// Every part is there or not, as PHP was packaged; each gives a line.
const script = `
  $out = [];
  $out['json'] = json_decode(json_encode(range(1, 1000)))[999];
  for ($i = 0; $i < 2000; $i++) $text[] = str_repeat(chr(65 + $i % 26), $i * 7);
  $out['text'] = strlen(implode('', $text));
  if (extension_loaded('mbstring')) $out['mbstring'] = mb_strtoupper('straße');
  if (extension_loaded('iconv')) $out['iconv'] = bin2hex(iconv('UTF-8', 'UTF-16BE', 'ä'));
  if (extension_loaded('zlib')) $out['zlib'] = gzuncompress(gzcompress(str_repeat('abc', 100000))) === str_repeat('abc', 100000);
  if (extension_loaded('openssl')) $out['openssl'] = openssl_digest('abc', 'md5');
  if (extension_loaded('sodium')) $out['sodium'] = strlen(sodium_crypto_secretbox('abc', str_repeat('n', 24), str_repeat('k', 32)));
  if (extension_loaded('dom')) { $d = new DOMDocument(); $d->loadXML('<a><b/></a>'); $out['dom'] = $d->getElementsByTagName('b')->length; }
  if (extension_loaded('SimpleXML')) $out['xml'] = (string) simplexml_load_string('<a><b>c</b></a>')->b;
  if (extension_loaded('fileinfo')) $out['fileinfo'] = (new finfo(FILEINFO_MIME_TYPE))->buffer('GIF89a');
  if (extension_loaded('sockets')) {
    socket_create_pair(AF_UNIX, SOCK_STREAM, 0, $pair);
    socket_write($pair[0], 'over a socket');
    $out['sockets'] = socket_read($pair[1], 100);
  }
  if (extension_loaded('pcntl')) {
    $child = pcntl_fork();
    if ($child === 0) exit(strlen(serialize($text)) > 1000 ? 7 : 1);
    pcntl_waitpid($child, $status);
    $out['pcntl'] = pcntl_wexitstatus($status);
  }
  echo json_encode($out);
`;

describe.skipIf(!existsSync(library))('PHP on superslab', () => {
  const loaded = extensions();

  test('starts, and its extensions work as they do on the malloc of the C library', async ({ skip }) => {
    if (loaded === undefined) skip(isMissing('php', 'php-cli'));
    const expected = execFileSync('php', ['-r', script], { encoding: 'utf8' });
    const { code, stdout, stderr } = await superslab(['run', '--', 'php', '-r', script]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(expected));
    // Or nothing was shown: those that are built in are not loaded by dlopen().
    expect(loaded).toContain('json');
    expect(loaded?.some((name) => ['sockets', 'iconv', 'fileinfo', 'posix'].includes(name))).toBe(true);
  });

  test('and its report at exit', async ({ skip }) => {
    if (loaded === undefined) skip(isMissing('php', 'php-cli'));
    const { code, stdout, stderr } = await superslab(['run', '--stats=1', '--', 'php', '-r', 'echo 1;']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '1' });
    expect(stderr).toMatch(/^superslab: \{.*"threads":1,.*\}\n$/);
  });
});
