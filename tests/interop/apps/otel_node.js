// The stock OpenTelemetry SDK behind Node's HTTP server: speaks W3C's headers and does not know
// Sentry.
const api = require('@opentelemetry/api');
const { core, NodeSDK, node, tracing } = require('@opentelemetry/sdk-node');
const {
  createComposableAlwaysOffSampler, createComposableParentThresholdSampler,
  createComposableProbabilitySampler, createCompositeSampler,
} = require('@opentelemetry/sampler-composite');
const { TRACE_HEADERS } = require('./options.js');

const settings = JSON.parse(process.env.INTEROP_SETTINGS);
const w3c = new core.W3CTraceContextPropagator();
const sdk = new NodeSDK({
  autoDetectResources: false,
  instrumentations: [],
  // With an empty list it would start no tracer.
  spanProcessors: [new tracing.NoopSpanProcessor()],
  metricReaders: [],
  logRecordProcessors: [],
  sampler: createCompositeSampler(createComposableParentThresholdSampler(
    createComposableProbabilitySampler(settings.rate))),
  textMapPropagator: settings.baggage
    ? new core.CompositePropagator({ propagators: [w3c, new core.W3CBaggagePropagator()] })
    : w3c,
});
sdk.start();

const http = require('node:http');
const tracer = api.trace.getTracer('interop');

function extract(headers) {
  // Repeated lines are one list.
  const carrier = {};
  for (const [name, value] of headers) {
    carrier[name] = name in carrier ? `${carrier[name]},${value}` : value;
  }
  return api.propagation.extract(api.ROOT_CONTEXT, carrier);
}

function inject(context) {
  const carrier = {};
  api.propagation.inject(context, carrier);
  return carrier;
}

function start(tracer, name, kind, parent) {
  return api.trace.setSpan(parent, tracer.startSpan(name, { kind }, parent));
}

async function trace(request, headers) {
  const server = start(tracer, 'GET /trace', api.SpanKind.SERVER, extract(headers));
  const to = new URL(request.url, 'http://localhost').searchParams.get('to');
  let answer = null;
  if (to !== null) {
    const client = start(tracer, 'GET', api.SpanKind.CLIENT, server);
    answer = await (await fetch(to, { headers: inject(client) })).json();
    api.trace.getSpan(client).end();
  }
  api.trace.getSpan(server).end();
  return { headers, trace_data: inject(server), answer };
}

// The samplers' decisions for the sender of each list of headers: `1` or `0`.
function decide({ rate, requests }) {
  const tracerWith = sampler =>
    new node.NodeTracerProvider({ sampler: createCompositeSampler(sampler) }).getTracer('interop');
  const inherits =
    tracerWith(createComposableParentThresholdSampler(createComposableAlwaysOffSampler()));
  const decides = tracerWith(createComposableProbabilitySampler(rate));
  const decisions = tracer => requests.map(headers => {
    const context = start(tracer, 'GET', api.SpanKind.SERVER, extract(headers));
    return api.trace.getSpanContext(context).traceFlags & api.TraceFlags.SAMPLED;
  }).join('');
  return { inherited: decisions(inherits), decided: decisions(decides) };
}

const server = http.createServer(async (request, response) => {
  try {
    let answer;
    if (request.method === 'POST') {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      answer = decide(JSON.parse(Buffer.concat(chunks)));
    } else {
      const headers = [];
      const raw = request.rawHeaders;
      for (let i = 0; i < raw.length; i += 2) headers.push([raw[i].toLowerCase(), raw[i + 1]]);
      answer = await trace(request, headers.filter(([name]) => TRACE_HEADERS.includes(name)));
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  } catch (error) {
    console.error(error);
    response.statusCode = 500;
    response.end(String(error));
  }
});
server.listen(0, '127.0.0.1', () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}/trace`));
process.stdin.resume().on('end', () => process.exit());
