// @sentry/node behind its own HTTP server: reports the trace it continued or started, and calls
// the address in `to` through the instrumented fetch.
const Sentry = require('@sentry/node');
const { call, message, options, TRACE_HEADERS } = require('./options.js');

Sentry.init(options(JSON.parse(process.env.INTEROP_SETTINGS)));

const http = require('node:http');

const server = http.createServer(async (request, response) => {
  const to = new URL(request.url, 'http://localhost').searchParams.get('to');
  Sentry.captureMessage(message());
  const report = {
    headers: headers(request.rawHeaders),
    trace_data: Sentry.getTraceData(),
    answer: await call(to),
  };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(report));
});

// A repeated header is repeated here.
function headers(raw) {
  const pairs = [];
  for (let i = 0; i < raw.length; i += 2) pairs.push([raw[i].toLowerCase(), raw[i + 1]]);
  return pairs.filter(([name]) => TRACE_HEADERS.includes(name));
}

server.listen(0, '127.0.0.1', () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}/trace`));
process.stdin.resume().on('end', () => process.exit());
