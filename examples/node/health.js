// Health and metrics, on a port and a thread of their own.

import http from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

import { Vitals } from './vitals.js';

const { memory, settings, version } = workerData;
const vitals = new Vitals(memory);

function answer(path) {
  switch (path) {
    case '/livez':
      return vitals.stalled ? [503, 'no progress'] : [200, 'ok'];
    case '/readyz':
      return vitals.ready ? [200, 'ok'] : [503, 'not ready'];
    case '/metrics':
      if (settings.telemetry !== 'off') return [200, vitals.exposition({ ...settings, version })];
  }
  return [404, 'not found'];
}

const server = http.createServer((request, response) => {
  const [status, body] = answer(request.url);
  response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
});
server.once('error', (error) => parentPort.postMessage(error.code));
server.listen(settings.metricsPort, settings.host, () => parentPort.postMessage('listening'));
