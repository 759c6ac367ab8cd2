// Runs in a page after its SDK: calls the address in its settings, and reports the trace that it
// continued or started.
import { call, message } from './options.js';

export const settings = JSON.parse(document.getElementById('settings').textContent);

export async function report({ captureMessage, flush, getActiveSpan, getTraceData }) {
  captureMessage(message());
  const root = getActiveSpan();
  const trace_data = getTraceData();
  const answer = await call(settings.to);
  root?.end();
  await flush(5000);
  return { trace_data, answer };
}
