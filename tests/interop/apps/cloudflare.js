// @sentry/cloudflare in workerd: reports the trace it continued or started, and calls the address
// in `to` through the instrumented fetch.
import * as Sentry from '@sentry/cloudflare';
import { call, message, options, TRACE_HEADERS } from './options.js';

export default Sentry.withSentry(env => options(JSON.parse(env.INTEROP_SETTINGS)), {
  async fetch(request) {
    Sentry.captureMessage(message());
    return Response.json({
      // The runtime joins repeated headers with a comma.
      headers: TRACE_HEADERS.filter(name => request.headers.has(name))
        .map(name => [name, request.headers.get(name)]),
      trace_data: Sentry.getTraceData(),
      answer: await call(new URL(request.url).searchParams.get('to')),
    });
  },
});
