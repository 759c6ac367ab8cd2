// A page with @sentry/browser.
import {
  browserTracingIntegration, captureMessage, flush, getActiveSpan, getTraceData, init,
} from '@sentry/browser';
import { options } from './options.js';
import { report, settings } from './page.js';

init({ ...options(settings), integrations: [browserTracingIntegration()] });
window.report = report({ captureMessage, flush, getActiveSpan, getTraceData });
