// docs/cloudflare_workers.md is enough: its files, in a new folder, give a worker whose trace is
// whole in the loopback Sentry. What is built is left in build/ here.
//
//     node stacks/cloudflare_worker/from_the_page.mjs <new folder>
//
// The crate comes from this repository, and the ports are free ones; the rest is as on the page.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const here = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const root = resolve(here, '../..');
const folder = resolve(process.argv[2]);
const read = (path) => readFileSync(path, 'utf8');
const text = read(join(root, 'docs/cloudflare_workers.md'));

// The page's blocks: files, which have a name, and commands.
const files = {};
const commands = [];
for (const [, name, language, block] of text.matchAll(
  /(?:^`([\w./]+)`[^\n]*:\n\n)?^```(\S*)\n(.*?\n)```$/gms,
)) {
  if (name) files[name] = block;
  else if (language === 'sh') commands.push(block);
}
assert.equal(commands.length, 4, 'the page has the tools, two servers, and a request');
const [tools, sentry, workerd, request] = commands;

// Each file is the package's, which the interoperability tests run.
const ours = (name) => read(join(here, name));
const names = ['Cargo.toml', 'src/lib.rs', 'worker.js', 'workerd.capnp', 'build.sh', 'sentry.mjs'];
assert.deepEqual(Object.keys(files), names);
for (const name of names.slice(1)) {
  assert.equal(files[name], ours(name), `the page does not show ${name} as it is`);
}
const [, version] = read(join(root, 'Cargo.toml')).match(/^version = "(\d+\.\d+)\./m);
const [manifest] = ours('Cargo.toml').split('\n# Not on the page');
const published = manifest.replace('path = "../.."', `version = "${version}"`);
assert.equal(files['Cargo.toml'], published, 'the page does not show Cargo.toml as it is');

// The page's tools are those that are installed here.
const [, bindgen] = manifest.match(/^wasm-bindgen = "=(.*)"/m);
assert.match(tools, new RegExp(`^cargo install wasm-bindgen-cli --version ${bindgen}$`, 'm'));
assert.equal(execFileSync('wasm-bindgen', ['--version'], { encoding: 'utf8' }), `wasm-bindgen ${bindgen}\n`);
const { dependencies } = JSON.parse(ours('package.json'));
const packages = Object.entries(dependencies).map((pair) => pair.join('@')).join(' ');
assert.ok(tools.includes(`npm install --prefix . ${packages}\n`), `the page does not install ${packages}`);

const free = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
};
const ports = { 8787: await free(), 9000: await free(), 9001: await free() };
const moved = (block) => block.replace(/\b(8787|9000|9001)\b/g, (port) => ports[port]);

rmSync(folder, { recursive: true, force: true });
for (const name of names) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), moved(files[name]));
}
const local = published.replace(`version = "${version}", default`, `path = "${root}", default`);
assert.notEqual(local, published);
writeFileSync(join(folder, 'Cargo.toml'), local);
symlinkSync(join(here, 'node_modules'), join(folder, 'node_modules'));
// The versions that were resolved here, so that a shared target folder has their builds.
if (existsSync(join(here, 'Cargo.lock'))) cpSync(join(here, 'Cargo.lock'), join(folder, 'Cargo.lock'));

assert.match(text, /^Build with `sh build.sh`/m);
execFileSync('sh', ['build.sh'], { cwd: folder, stdio: 'inherit' });

// Each server is a process group, which ends with this program.
const groups = [];
process.on('exit', () => groups.forEach((pid) => { try { process.kill(-pid, 'SIGKILL'); } catch {} }));
const start = (command) => {
  const server = spawn('sh', ['-c', command], { cwd: folder, detached: true });
  groups.push(server.pid);
  server.output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => { server.output += data; });
  return server;
};
const until = async (what, condition) => {
  for (const deadline = Date.now() + 30_000; !(await condition()); await sleep(50)) {
    assert.ok(Date.now() < deadline, `not within 30 seconds: ${what()}`);
  }
};
const listens = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1', () => { socket.destroy(); done(true); });
  socket.on('error', () => done(false));
});
const serve = async (command, port) => {
  const server = start(command);
  await until(() => `${command}: ${server.output}`, () => listens(port));
  return server;
};
const call = () => execFileSync('sh', ['-c', moved(request)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

const seen = await serve(moved(sentry), ports[9001]);
let worker = await serve(moved(workerd), ports[8787]);
const [, trace, caller] = request.match(/sentry-trace: (\w{32})-(\w{16})-1/);
const answer = JSON.parse(call());
const { span_id: server, client_span_id: client } = answer;
assert.deepEqual(
  [answer.trace_id, answer.parent_span_id, answer.sampled, answer.upstream['sentry-trace']],
  [trace, caller, true, `${trace}-${client}-1`],
);
assert.equal(answer.upstream.baggage, request.match(/baggage: (\S+)'/)[1]);
const spans = () => seen.output.trim().split('\n').filter(Boolean);
await until(() => `two spans: ${seen.output}${worker.output}`, () => spans().length >= 2);
assert.deepEqual(spans().sort(), [
  `trace ${trace} span ${client} parent ${server}`,
  `trace ${trace} span ${server} parent ${caller}`,
].sort());
assert.ok(text.includes(`below the caller's \`${caller}\``), 'the page names the caller');

// To a project's own DSN, which is `https`, the runtime opens TLS: the first byte is a handshake's.
process.kill(-worker.pid, 'SIGKILL');
await until(() => 'the first worker has ended', async () => !(await listens(ports[8787])));
let first;
const tls = createServer((socket) => {
  socket.once('data', (data) => { first ??= data[0]; socket.destroy(); });
  socket.on('error', () => {});
}).listen(0, '127.0.0.1');
await once(tls, 'listening');
const secure = moved(workerd).replace(/SENTRY_DSN=\S+/, `SENTRY_DSN=https://key@127.0.0.1:${tls.address().port}/42`);
worker = await serve(secure, ports[8787]);
call();
await until(() => `spans over TLS: ${worker.output}`, () => first !== undefined);
assert.equal(first, 0x16, 'a TLS handshake');

// For the interoperability tests.
rmSync(join(here, 'build'), { recursive: true, force: true });
cpSync(join(folder, 'build'), join(here, 'build'), { recursive: true });
cpSync(join(here, 'workerd.capnp'), join(here, 'build/workerd.capnp'));
console.log(`   from the page alone: built, run in workerd, trace ${trace} whole in Sentry`);
process.exit(0);
