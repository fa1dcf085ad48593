/** The page's files, read once: what is not in this map is not served, whatever is asked for. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../parameters/presets.js';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

export interface PageFile {
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Of its content, with quotes. */
  readonly etag: string;
}

export interface PageFiles {
  /** By the path of its URL: `/`, `/main.js`, `/vendor/uPlot.esm.js`, `/wire.js`. */
  readonly files: ReadonlyMap<string, PageFile>;
  /** Content-Security-Policy of all of them. */
  readonly policy: string;
}

/** Where the compiled page lies, compiled beside this file or, when run from source, as built last. @realtime unsafe */
export function pageFolder(): string {
  const beside = fileURLToPath(new URL('./page', import.meta.url));
  return existsSync(join(beside, 'main.js')) ? beside : join(packageRoot(), 'dist', 'src', 'dashboard', 'page');
}

/**
 * @param folder of the compiled page, beside `wire.js`
 * @throws Error where the page has not been built
 * @realtime unsafe
 */
export function readPageFiles(folder = pageFolder()): PageFiles {
  const files = new Map<string, PageFile>();
  const add = (url: string, path: string) => {
    const bytes = readFileSync(path);
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 27)}"`;
    files.set(url, { contentType: CONTENT_TYPES[extname(path)], bytes, etag });
  };
  if (!existsSync(join(folder, 'index.html'))) {
    throw new Error(`the page is not built: there is no ${join(folder, 'index.html')}; \`npm run build\` makes it`);
  }
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || CONTENT_TYPES[extname(entry.name)] === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    add(path.slice(folder.length).replaceAll('\\', '/'), path);
  }
  add('/wire.js', join(folder, '..', 'wire.js'));
  const index = files.get('/index.html') as PageFile;
  files.delete('/index.html');
  files.set('/', index);
  return { files, policy: contentPolicy(index.bytes.toString()) };
}

/**
 * Nothing but what this server itself gives: no other host, no code in the document but the map of imports, which is named
 * by its digest. https://www.w3.org/TR/CSP3/
 */
function contentPolicy(html: string): string {
  const inline = [...html.matchAll(/<script\b(?![^>]*\bsrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, content]) => `'sha256-${createHash('sha256').update(content).digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    ["script-src 'self'", ...inline].join(' '),
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
