// superslab/next-cache-handler, called as Next.js 15 calls a cacheHandler (IncrementalCache and its own FileSystemCache).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createCacheHandler, type NextCacheHandler } from 'superslab/next-cache-handler';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../support/child.js';

let root = '';
let Handler: ReturnType<typeof createCacheHandler>;

beforeEach(() => {
  root = mkdtempSync('/dev/shm/superslab-test-');
  mkdirSync(`${root}/.next/server`, { recursive: true });
  writeFileSync(`${root}/.next/BUILD_ID`, 'build one');
  Handler = createCacheHandler({ path: `${root}/cache`, maxBytes: 4 << 20 });
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Next.js makes one for each request. */
function handler(context: object = {}): NextCacheHandler {
  const made = new Handler({ serverDistDir: `${root}/.next/server`, ...context });
  made.resetRequestCache();
  return made;
}

const page = (html: string, tags = '') => ({
  kind: 'APP_PAGE',
  html,
  rscData: Buffer.from('rsc \0 data'),
  postponed: undefined,
  headers: { 'x-next-cache-tags': tags, vary: ['a', 'b'] },
  status: 200,
  segmentData: new Map([
    ['/_tree', Buffer.from('tree')],
    ['/_full', Buffer.alloc(10_000, 7)],
  ]),
});
const fetched = (body: string, tags: string[] = []) => ({
  kind: 'FETCH',
  data: { headers: { etag: '1' }, body, status: 200, url: 'https://example.com/' },
  revalidate: 60,
  tags,
});
const ofFetch = (tags: string[] = [], softTags: string[] = []) => ({
  kind: 'FETCH',
  revalidate: 60,
  tags,
  softTags,
});

test('pages, routes, redirects and results of fetch() come back as they were, in each request', async () => {
  const values = {
    '/page': page('<html>ä</html>'),
    '/route': {
      kind: 'APP_ROUTE',
      body: Buffer.from([0, 255]),
      status: 201,
      headers: { 'content-type': 'image/png' },
    },
    '/old': {
      kind: 'PAGES',
      html: '<p>',
      pageData: { pageProps: { n: [1, null] } },
      headers: {},
      status: 200,
    },
    '/moved': { kind: 'REDIRECT', props: { pageProps: { __N_REDIRECT: '/page' } } },
    '/missing': null,
  };
  const before = Date.now();
  for (const [key, value] of Object.entries(values))
    await handler().set(key, value, { cacheControl: { expire: 3600 } });
  for (const [key, value] of Object.entries(values)) {
    const found = await handler().get(key, { kind: 'APP_PAGE' } as never);
    expect(found!.value).toEqual(value);
    expect(found!.lastModified).toBeGreaterThanOrEqual(before);
  }
  const { segmentData, rscData } = (await handler().get('/page'))!.value as ReturnType<typeof page>;
  expect(segmentData).toBeInstanceOf(Map);
  expect([rscData, ...segmentData.values()].every((part) => Buffer.isBuffer(part))).toBe(true);
  expect(await handler().get('/other')).toBeNull();
});

test('a tag that is revalidated ends pages and fetches that have it, also by the paths of those who ask', async () => {
  const many = Array.from({ length: 60 }, (_, i) => `tag ${i}`);
  const begin = async () => {
    await handler().set('/page', page('<html>', '_N_T_/layout,_N_T_/page,products'));
    await handler().set('fetch', fetched('body', ['products', ...many]), { tags: ['products', ...many] });
    await handler().set('soft', fetched('body'), { tags: [] });
    await handler().set('/other', page('<html>', '_N_T_/other'));
  };
  const left = async () => {
    const found = [
      ['/page', await handler().get('/page', { kind: 'APP_PAGE' } as never)],
      ['fetch', await handler().get('fetch', ofFetch(['products']))],
      ['soft', await handler().get('soft', ofFetch([], ['_N_T_/page']))],
      ['/other', await handler().get('/other', { kind: 'APP_PAGE' } as never)],
    ];
    return found.flatMap(([name, value]) => (value === null ? [] : [name]));
  };
  await begin();
  expect(await left()).toEqual(['/page', 'fetch', 'soft', '/other']);
  await handler().revalidateTag('products');
  expect(await left()).toEqual(['soft', '/other']);
  await begin();
  await handler().revalidateTag(['tag 59', '_N_T_/page']);
  expect(await left()).toEqual(['/other']);
  await begin();
  expect(await left()).toEqual(['/page', 'fetch', 'soft', '/other']);
  // Of one request.
  expect(await handler({ revalidatedTags: ['products'] }).get('fetch', ofFetch(['products']))).toBeNull();
});

test('another build has nothing of the one before', async () => {
  await handler().set('/page', page('one'));
  const other = `${root}/other/server`;
  mkdirSync(other, { recursive: true });
  writeFileSync(`${root}/other/BUILD_ID`, 'build two');
  expect(await handler({ serverDistDir: other }).get('/page')).toBeNull();
  expect(await handler().get('/page')).not.toBeNull();
});

test('paths of any length are keys, and what cannot be stored is shown all the same', async () => {
  const long = `/${'x'.repeat(3000)}`;
  await handler().set(`${long}1`, page('one'));
  await handler().set(`${long}2`, page('two'));
  expect((await handler().get(`${long}1`))!.value).toMatchObject({ html: 'one' });
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  await handler().set('/long', page('x'.repeat(4 << 20)));
  await handler().set('/long', page('x'.repeat(4 << 20)));
  await handler().set('/odd', { kind: 'PAGES', pageData: { call: () => {} } });
  await new Promise(setImmediate);
  process.off('warning', listener);
  expect(warnings).toMatchObject([{ code: 'ERR_SUPERSLAB_SIZE' }, { name: 'SuperslabWarning' }]);
  expect([await handler().get('/long'), await handler().get('/odd')]).toEqual([null, null]);
});

test('the default export is found by require.resolve() and import(), has its options from the environment, and processes share it', () => {
  // What Next.js does with the path that next.config.js names.
  const script = `
    const interop = (mod) => mod.default || mod;
    const load = async () => interop(await import(require.resolve('superslab/next-cache-handler')).then(interop));
    load().then(async (Handler) => {
      const handler = new Handler({ serverDistDir: ${JSON.stringify(`${root}/.next/server`)} });
      const found = await handler.get('/page');
      if (found === null) await handler.set('/page', { kind: 'APP_PAGE', html: 'by ' + process.pid, rscData: Buffer.from('x') });
      else process.stdout.write(found.value.html);
      process.stdout.write(';');
    });`;
  const run = () =>
    execFileSync(process.execPath, ['-e', script], {
      cwd: packageRoot,
      env: {
        ...process.env,
        NEXT_SHARED_CACHE_PATH: `${root}/environment`,
        NEXT_SHARED_CACHE_BYTES: String(3 << 20),
      },
      encoding: 'utf8',
    });
  expect(run()).toBe(';');
  expect(run()).toMatch(/^by \d+;$/);
});
