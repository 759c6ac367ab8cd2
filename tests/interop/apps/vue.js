// A Vue app with @sentry/vue.
import {
  browserTracingIntegration, captureMessage, flush, getActiveSpan, getTraceData, init,
} from '@sentry/vue';
import { createApp, h } from 'vue';
import { options } from './options.js';
import { report, settings } from './page.js';

const app = createApp({
  mounted() {
    window.report = report({ captureMessage, flush, getActiveSpan, getTraceData });
  },
  render: () => h('main', 'shop'),
});
init({ app, ...options(settings), integrations: [browserTracingIntegration()] });
app.mount('#app');
