// Draws a dashboard file with Grafana's own components (@grafana/ui, Apache-2.0), of what a real
// Prometheus answers to the file's queries. Titles, places, types, units, thresholds, legends and
// queries are the file's; what it does not say has Grafana's defaults. It is no Grafana: the frame of
// the page is drawn with its buttons, and nothing can be clicked. It knows panels of the types stat and
// timeseries, without overrides: anything else in the file is an error.
//
// Needs Node.js 20, Chromium and the font Inter (Debian: nodejs, npm, chromium, fonts-inter, and
// pngquant, which makes the picture smaller). In this folder:
//
//     npm install --ignore-scripts --no-package-lock
//     node render.mjs --dashboard ../../grafana-dashboard.json --prometheus http://127.0.0.1:9090 \
//         --scrape 5 --minutes 14 --theme dark --out ../grafana.png
//     pngquant --force --output ../grafana.png ../grafana.png
//
// --scrape: seconds between two scrapes, as in the settings of Grafana's data source. --to: the end of
// the time shown in Unix seconds, now where it is not given. --width: of the picture. --datasource: its
// name. --browser: the command.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const text = (value) => ({ type: 'string', default: value });
const { values: given } = parseArgs({
  options: {
    dashboard: text(), prometheus: text('http://127.0.0.1:9090'), out: text('picture.png'), minutes: text('20'),
    to: text(String(Math.floor(Date.now() / 1000))), scrape: text('15'), theme: text('light'), width: text('1400'),
    datasource: text('prometheus'), browser: text('chromium'),
  },
});
const dashboard = await readFile(given.dashboard, 'utf8');
// Grafana's grid: 24 columns, rows of 30 pixels, 8 between them
const sizes = { width: Number(given.width), padding: 16, head: 44, row: 30, gap: 8 };
const rows = Math.max(...JSON.parse(dashboard).panels.map(({ gridPos }) => gridPos.y + gridPos.h));
const height = 2 * sizes.padding + sizes.head + rows * (sizes.row + sizes.gap) - sizes.gap;
const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const bundle = await build({
  entryPoints: [join(here, 'src/page.jsx')], bundle: true, write: false, minify: true, format: 'iife', jsx: 'automatic',
  outfile: 'page.js', logLevel: 'error', define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  loader: { '.svg': 'dataurl', '.ttf': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl' },
});
const files = {
  '/': ['text/html', '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="/page.css"><style>body{margin:0}</style><div id="root"></div><script src="/page.js"></script>'],
  '/dashboard.json': ['application/json', dashboard],
  '/page.css': ['text/css', ''],
  '/favicon.ico': ['image/svg+xml', ''],
};
for (const each of bundle.outputFiles) {
  const css = each.path.endsWith('.css');
  files[css ? '/page.css' : '/page.js'] = [css ? 'text/css' : 'text/javascript', each.contents];
}

let failures = 0;
function failed(what) {
  failures += 1;
  console.error(what);
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  try {
    if (files[pathname]) {
      response.setHeader('Content-Type', files[pathname][0]).end(files[pathname][1]);
    } else if (pathname.startsWith('/api/v1/')) {
      const answer = await fetch(new URL(request.url, given.prometheus));
      response.setHeader('Content-Type', 'application/json').end(await answer.text());
    } else {
      const icon = normalize(pathname).replace(/^.*\/img\//, '/img/');
      const svg = await readFile(join(here, 'node_modules/@grafana/ui/dist/public', icon));
      response.setHeader('Content-Type', 'image/svg+xml').end(svg);
    }
  } catch (error) {
    if (!pathname.endsWith('.woff2')) failed(`${pathname}: ${error.message}`); // the system's Inter is taken
    response.writeHead(404).end();
  }
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const { to, scrape, theme, datasource } = given;
const from = String(Number(to) - 60 * Number(given.minutes));
const query = new URLSearchParams({ from, to, scrape, theme, datasource, sizes: JSON.stringify(sizes) });
const profile = await mkdtemp(join(tmpdir(), 'picture-'));
const browser = spawn(given.browser, [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--force-device-scale-factor=1',
  '--enable-logging=stderr', '--virtual-time-budget=20000', `--user-data-dir=${profile}`, `--window-size=${sizes.width},${height}`,
  `--screenshot=${given.out}`, `http://127.0.0.1:${server.address().port}/?${query}`,
], { stdio: ['ignore', 'inherit', 'pipe'] });
browser.stderr.on('data', (said) => String(said).split('\n').filter((line) => /CONSOLE.*error/i.test(line)).forEach(failed));
const [status] = await once(browser, 'exit');
server.close();
await rm(profile, { recursive: true, force: true });
process.exit(status || Number(failures > 0));
