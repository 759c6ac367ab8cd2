// `@sentry/core` as a subject of `suite.py`: reads one request per line and writes one answer per
// line.
const readline = require('node:readline');
const core = require('@sentry/core');
const { ServerRuntimeClient } = require('@sentry/core/server');

const version = require('@sentry/core/package.json').version;
console.log(JSON.stringify({ sdk: '@sentry/core', version }));

readline
  .createInterface({ input: process.stdin })
  .on('line', line => console.log(JSON.stringify(answer(JSON.parse(line)))));

function answer({ headers, settings, span, url }) {
  return core.withIsolationScope(() => {
    start(settings);
    const [sentryTrace, baggage] = ['sentry-trace', 'baggage'].map(name => joined(headers, name));
    return core.continueTrace({ sentryTrace, baggage }, () => {
      const { traceId, parentSpanId, sampled } = core.getCurrentScope().getPropagationContext();
      const continued = parentSpanId !== undefined || (sentryTrace ?? '').includes(traceId);
      return core.startSpan({ name: span, op: 'http.server' }, server => ({
        continued: continued
          ? { trace_id: traceId, parent_span_id: parentSpanId ?? null, sampled: sampled ?? null }
          : null,
        recorded: server.isRecording(),
        sent: core.startSpan({ name: 'GET', op: 'http.client' }, () => send(url)),
      }));
    });
  });
}

function start(settings) {
  const { traces_sampler: rate, inherit_or_sample_with: fallback } = settings;
  const client = new ServerRuntimeClient({
    dsn: settings.dsn,
    release: settings.release,
    environment: settings.environment,
    tracesSampleRate: settings.traces_sample_rate,
    ...(rate !== undefined && { tracesSampler: () => rate }),
    ...(fallback !== undefined && { tracesSampler: cx => cx.inheritOrSampleWith(fallback) }),
    orgId: settings.org_id,
    strictTraceContinuation: settings.strict_trace_continuation,
    tracePropagationTargets: settings.trace_propagation_targets,
    integrations: [],
    stackParser: () => [],
    sendClientReports: false,
    transport: () => ({ send: async () => ({}), flush: async () => true }),
  });
  core.getCurrentScope().setClient(client);
  client.init();
}

// Joins a repeated header as Node's HTTP server does.
function joined(headers, name) {
  const lines = headers.filter(([header]) => header === name).map(([, line]) => line);
  return lines.length === 0 ? undefined : lines.join(', ');
}

function send(url) {
  const { tracePropagationTargets } = core.getClient().getOptions();
  if (!core.shouldPropagateTraceForUrl(url, tracePropagationTargets)) return {};
  // Without a value the header is omitted.
  return Object.fromEntries(Object.entries(core.getTraceData()).filter(([, value]) => value));
}
