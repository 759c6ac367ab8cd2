// Runs the two programs: node run.mjs <job.wasm> <no_environment.wasm>
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [, , job, noEnvironment] = process.argv;

// The job ends its process, so each run has its own.
const runner = `
  import { WASI } from 'node:wasi';
  import { readFileSync } from 'node:fs';
  const wasi = new WASI({ version: 'preview1', env: JSON.parse(process.argv[2]) });
  const module = await WebAssembly.compile(readFileSync(process.argv[1]));
  wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
`;
const run = env => {
  const args = ['--no-warnings', '--input-type=module', '-e', runner, job, JSON.stringify(env)];
  const lines = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n');
  const value = prefix => lines.find(line => line.startsWith(prefix))?.slice(prefix.length);
  return {
    trace: value('SENTRY_TRACE='),
    baggage: value('SENTRY_BAGGAGE='),
    request: value('POST '),
    deferred: value('deferred sentry-trace: '),
    deferredBaggage: value('deferred baggage: '),
  };
};

const TRACE_ID = '771a43a4192642f0b136d5159a501700';
const DSC =
  `sentry-trace_id=${TRACE_ID},sentry-public_key=key,sentry-sample_rand=0.25,sentry-release=a%2Bb`;
const settings = { SENTRY_DSN: 'https://key@o1.ingest.sentry.io/42', SENTRY_RELEASE: 'job@1' };
const ENDPOINT = 'https://o1.ingest.sentry.io/api/42/integration/otlp/v1/traces/';

// A parent decides, against the job's own rate.
for (const [flag, rate] of [['1', '0'], ['0', '1']]) {
  const env = {
    ...settings,
    SENTRY_TRACES_SAMPLE_RATE: rate,
    SENTRY_TRACE: `${TRACE_ID}-7dd6b3a1fb4d9c2a-${flag}`,
    SENTRY_BAGGAGE: DSC,
  };
  const { trace, baggage, request } = run(env);
  assert.match(trace, new RegExp(`^${TRACE_ID}-[0-9a-f]{16}-${flag}$`));
  assert.ok(!trace.includes('7dd6b3a1fb4d9c2a'), 'the parent of the next process is the job');
  assert.equal(baggage, DSC);
  assert.equal(request?.startsWith(`${ENDPOINT} `) ?? false, flag === '1');
}

// A parent leaves the trace undecided: the rate is compared with `sample_rand`, which is 0.25.
for (const [rate, flag] of [['0.2', '0'], ['0.3', '1']]) {
  const { trace } = run({
    ...settings,
    SENTRY_TRACES_SAMPLE_RATE: rate,
    SENTRY_TRACE: `${TRACE_ID}-7dd6b3a1fb4d9c2a`,
    SENTRY_BAGGAGE: DSC,
  });
  assert.ok(trace.startsWith(`${TRACE_ID}-`) && trace.endsWith(`-${flag}`), `${rate}: ${trace}`);
}

// No parent: the job is the head of a trace, and the ids are random.
const heads = [0, 1].map(() => run({ ...settings, SENTRY_TRACES_SAMPLE_RATE: '1' }));
for (const { trace, baggage, deferred, deferredBaggage } of heads) {
  const [traceId, , flag] = trace.split('-');
  assert.equal(flag, '1');
  assert.ok(baggage.includes(`sentry-trace_id=${traceId}`) && baggage.includes('job%401'), baggage);
  assert.match(deferred, /^[0-9a-f]{32}-[0-9a-f]{16}$/);
  assert.ok(deferredBaggage.includes(`sentry-trace_id=${deferred.slice(0, 32)}`), deferredBaggage);
  assert.ok(!deferredBaggage.includes('sentry-sampled'), deferredBaggage);
}
const ids = heads.flatMap(({ trace, deferred }) => [trace, deferred].map(text => text.slice(0, 32)));
assert.equal(new Set(ids).size, 4, ids.join(' '));

// wasm32-unknown-unknown: this run does not call the module's JavaScript imports.
const module = new WebAssembly.Module(readFileSync(noEnvironment));
const imports = {};
for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
  assert.equal(kind, 'function');
  (imports[from] ??= {})[name] = () => assert.fail(`${name} is called`);
}
const { exports } = new WebAssembly.Instance(module, imports);
assert.equal(exports.reads_no_variable(), 1, 'no variable, no error');
console.log('the programs for WebAssembly do what is documented');
