// A Sentry that prints spans, and a service that echoes headers: Sentry's own port gets none.
import { createServer } from 'node:http';

// OTLP's fields: 1 trace id, 2 span id, 3 trace state, 4 parent, 5 name.
const fields = /0a10(.{32})1208(.{16})1a...*?(?:2208(.{16}))?2a/g;

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  for (const span of Buffer.concat(chunks).toString('hex').matchAll(fields)) {
    console.log('trace %s span %s parent %s', ...span.slice(1));
  }
  response.end();
}).listen(9000, '127.0.0.1');

createServer((request, response) => response.end(JSON.stringify(request.headers)))
  .listen(9001, '127.0.0.1');
