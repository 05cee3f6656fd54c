// GET /ping in plain Node.js, as one replica of services/contract: health and metrics on a second port, an end that
// loses nothing, logs in JSON.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { readSettings } from './settings.js';
import { Vitals } from './vitals.js';

const KEEP_ALIVE_MS = 75_000; // longer than clients keep idle connections, so that it is they who close them
const END_WITHIN_MS = 10_000;
const PROGRESS_EVERY_MS = 1_000;

const { settings, problems } = readSettings(process.env);
if (problems.length) exitWith(problems);
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));
const vitals = new Vitals();
const measured = settings.telemetry !== 'off';

process.on('uncaughtException', (error) => {
  log('critical', 'ended by a fault', {
    exception_type: error.name,
    exception_message: error.message,
    exception_stacktrace: error.stack,
  });
  process.exit(1);
});
if (settings.telemetry === 'official') log('warning', 'this service makes no traces; it has metrics only');

const pong = answer(200, 'application/json', { status: 'ok' });
const notFound = problem(404, 'not-found', 'Not found', 'No such path');
const notAllowed = problem(405, 'method-not-allowed', 'Method not allowed', 'Use GET or HEAD', { allow: 'GET, HEAD' });

let ending = false;
const connections = new Set();

const server = http.createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  const answered = measured && vitals.begin(request.method);
  const [path] = request.url.split('?', 1);
  const known = path === '/ping';
  const allowed = request.method === 'GET' || request.method === 'HEAD';
  const { status, headers, body } = known ? (allowed ? pong : notAllowed) : notFound;
  if (answered) response.once('close', () => answered(known ? '/ping' : '', status));
  if (ending) response.setHeader('connection', 'close');
  response.writeHead(status, headers).end(body);
});
server.on('connection', (socket) => {
  connections.add(socket);
  socket.once('close', () => connections.delete(socket));
});

const health = new Worker(new URL('health.js', import.meta.url), {
  workerData: { memory: vitals.memory, settings, version },
});
health.unref();
const [said] = await once(health, 'message');
if (said !== 'listening') exitWith([`LAB_METRICS_PORT: cannot bind ${settings.host}:${settings.metricsPort}: ${said}`]);

// Before version 22.12 Node.js cannot share a port; whoever starts it may hand over a socket, as systemd does.
const where = process.env.LISTEN_FDS ? { fd: 3 } : { host: settings.host, port: settings.port, reusePort: true };
try {
  await once(server.listen(where), 'listening');
} catch (error) {
  exitWith([`LAB_PORT: cannot bind ${settings.host}:${settings.port}: ${error.code}`]);
}
vitals.progressed();
setInterval(() => vitals.progressed(), PROGRESS_EVERY_MS).unref();
process.on('SIGTERM', end);
process.on('SIGINT', end);
vitals.ready = true;

/** Answers what comes by open connections for a while yet. The process ends when the last of them is closed. */
async function end() {
  if (ending) return;
  ending = true;
  vitals.ready = false;
  setTimeout(() => process.exit(), END_WITHIN_MS - 500).unref();
  await setImmediate(); // takes the connections that wait
  net.Server.prototype.close.call(server); // http.Server's own would close idle connections at once
  await sleep(settings.drainMs);
  await setImmediate(); // reads what has arrived meanwhile
  server.closeIdleConnections();
  for (const socket of connections) {
    if (socket.bytesRead === 0) socket.destroy();
  }
}

function answer(status, type, document, headers = {}) {
  const body = Buffer.from(JSON.stringify(document));
  return { status, headers: { ...headers, 'content-type': type, 'content-length': body.length }, body };
}

function problem(status, kind, title, detail, headers) {
  const type = `urn:framework-lab:problem:${kind}`;
  return answer(status, 'application/problem+json', { type, title, status, detail }, headers);
}

function log(level, message, more = {}) {
  const { role, variant } = settings;
  const line = { timestamp: new Date().toISOString(), level, logger: 'main', message, role, variant, ...more };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function exitWith(lines) {
  for (const line of lines) console.error(line);
  process.exit(2);
}
