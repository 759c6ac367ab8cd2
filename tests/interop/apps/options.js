// The options of every JavaScript SDK here. The settings come from the test.
exports.options = settings => ({
  dsn: settings.dsn,
  release: settings.release,
  environment: settings.environment,
  ...(settings.rate !== null && { tracesSampleRate: settings.rate }),
  ...(settings.org_id !== null && { orgId: settings.org_id }),
  strictTraceContinuation: settings.strict,
  // By default a page sends trace headers only to its own origin.
  tracePropagationTargets: [/^http:\/\/127\.0\.0\.1:/],
  sendClientReports: false,
});

exports.TRACE_HEADERS = ['sentry-trace', 'baggage', 'traceparent', 'tracestate'];

// Two equal messages in a row would count as one.
let messages = 0;
exports.message = () => `interop ${(messages += 1)}`;

// Calls the address in `to`, if there is one, with the SDK's version of `fetch`.
exports.call = async to => (to === null ? null : (await fetch(to)).json());
