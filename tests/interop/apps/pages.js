// The server of the browser's pages, and the browser. A request for /trace renders its trace
// headers into the page's <meta> tags, as a server does for the SDK in the browser. The answer is
// the page's report.
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { chromium } = require('playwright-core');
const { TRACE_HEADERS } = require('./options.js');

const [bundles, executablePath] = process.argv.slice(2);
const TIMEOUT = 15000;

// Tabs are reused: by then the tab has loaded another document.
const idle = [];
const html = {};
let pages = 0;

const escape = text => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);

function render(app, settings, headers) {
  const meta = headers
    .map(([name, value]) => `<meta name="${name}" content="${escape(value)}">`).join('\n');
  const json = JSON.stringify(settings).replaceAll('<', '\\u003c');
  return `<!doctype html><meta charset="utf-8"><title>shop</title>
${meta}
<script id="settings" type="application/json">${json}</script>
<div id="app"></div>
<script src="/${app}.js"></script>`;
}

async function open(browser, origin, app, settings, headers) {
  const id = `/page/${(pages += 1)}`;
  html[id] = render(app, settings, headers);
  const page = idle.pop() ?? (await browser.newPage());
  page.setDefaultTimeout(TIMEOUT);
  await page.goto(origin + id);
  const report = await page.evaluate(() => window.report);
  delete html[id];
  idle.push(page);
  return report;
}

async function main() {
  const browser = await chromium.launch({
    executablePath,
    handleSIGTERM: false,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const context = await browser.newContext();

  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    const send = (status, type, body) => {
      response.writeHead(status, { 'content-type': `${type}; charset=utf-8` });
      response.end(body);
    };
    if (url.pathname in html) return send(200, 'text/html', html[url.pathname]);
    const bundle = /^\/(browser|vue)\.js$/.exec(url.pathname);
    if (bundle) return send(200, 'text/javascript', fs.readFileSync(path.join(bundles, bundle[0])));
    if (url.pathname !== '/trace') return send(404, 'text/plain', 'no such page');
    const headers = TRACE_HEADERS.filter(name => name in request.headers)
      .map(name => [name, request.headers[name]]);
    const settings = { ...JSON.parse(url.searchParams.get('settings')), to: url.searchParams.get('to') };
    try {
      const origin = `http://127.0.0.1:${server.address().port}`;
      const report = await open(context, origin, url.searchParams.get('app'), settings, headers);
      send(200, 'application/json', JSON.stringify({ headers, ...report }));
    } catch (error) {
      send(500, 'text/plain', String(error));
    }
  });
  server.listen(0, '127.0.0.1', () =>
    console.log(`listening on http://127.0.0.1:${server.address().port}/trace`));
  const stop = () => browser.close().finally(() => process.exit());
  process.stdin.resume().on('end', stop);
  process.on('SIGTERM', stop);
}

main();
