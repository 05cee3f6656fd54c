// What a replica counts, in memory that the thread which answers probes and scrapes reads while the event loop is busy.

import { readFileSync } from 'node:fs';

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const SLOTS = BUCKETS_S.length + 2; // of a histogram: its buckets, what is above them, the sum
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '_OTHER'];
const ANSWERS = [['/ping', 200], ['/ping', 405], ['/ping', 500], ['/ping', 503], ['', 404]];
const FROM_THE_START = [200, 500, 503];
const STALLED_AFTER_S = 10;
const LISTENS = '0A'; // TCP_LISTEN, in /proc/net/tcp

const secondsNow = () => Number(process.hrtime.bigint()) / 1e9;

export class Vitals {
  #durations = [];
  #queueTime;
  #active;
  #state;

  /** Without `memory`, new ones; with another's, a view of the same. */
  constructor(memory) {
    const series = METHODS.length * ANSWERS.length;
    this.memory = memory ?? new SharedArrayBuffer(8 * ((series + 1) * SLOTS + METHODS.length + 2));
    const all = new Float64Array(this.memory);
    let begin = 0;
    const take = (length) => all.subarray(begin, (begin += length));
    for (const method of METHODS) {
      for (const [route, status] of ANSWERS) this.#durations.push({ method, route, status, slots: take(SLOTS) });
    }
    this.#queueTime = take(SLOTS);
    this.#active = take(METHODS.length);
    this.#state = take(2);
  }

  get ready() { return this.#state[0] === 1; }
  set ready(ready) { this.#state[0] = ready ? 1 : 0; }

  get stalled() { return secondsNow() - this.#state[1] > STALLED_AFTER_S; }
  progressed() { this.#state[1] = secondsNow(); }

  /** Counts a request that begins; the function that it gives counts the answer. */
  begin(method) {
    const index = METHODS.indexOf(method);
    const known = index < 0 ? METHODS.length - 1 : index;
    const begin = performance.now();
    this.#active[known] += 1;
    observe(this.#queueTime, 0); // Node.js hands a request over as soon as it has read its head
    return (route, status) => {
      const answer = ANSWERS.findIndex((each) => each[0] === route && each[1] === status);
      observe(this.#durations[known * ANSWERS.length + answer].slots, (performance.now() - begin) / 1000);
      this.#active[known] -= 1;
    };
  }

  /** All of it in Prometheus' text format. */
  exposition({ role, version, port }) {
    const durations = this.#durations
      .filter(({ method, status, route, slots }) =>
        slots.some(Boolean) || (method === 'GET' && route === '/ping' && FROM_THE_START.includes(status)))
      .map(({ method, route, status, slots }) => [
        { http_request_method: method, http_route: route, http_response_status_code: status }, slots]);
    const active = METHODS
      .map((method, index) => [{ http_request_method: method }, this.#active[index]])
      .filter(([{ http_request_method: method }, count]) => method === 'GET' || count);
    const cpu = process.cpuUsage();
    return [
      ...family('http_server_request_duration_seconds', 'histogram', durations),
      ...family('http_server_active_requests', 'gauge', active),
      ...family('http_server_queue_time_seconds', 'histogram', [[{}, this.#queueTime]]),
      ...family('http_server_queue_length', 'gauge', [[{ queue: 'accept' }, acceptQueueLength(port)]]),
      ...family('http_server_workers', 'gauge', [[{}, 1]]),
      ...family('http_server_worker_busy_seconds_total', 'counter', [[{}, loopCpuSeconds()]]),
      ...family('process_cpu_seconds_total', 'counter', [[{}, (cpu.user + cpu.system) / 1e6]]),
      ...family('process_resident_memory_bytes', 'gauge', [[{}, process.memoryUsage.rss()]]),
      ...family('target_info', 'gauge', [[{ service_name: role, service_version: version }, 1]]),
      '',
    ].join('\n');
  }
}

function observe(slots, seconds) {
  const bucket = BUCKETS_S.findIndex((bound) => seconds <= bound);
  slots[bucket < 0 ? BUCKETS_S.length : bucket] += 1;
  slots[SLOTS - 1] += seconds;
}

function* family(name, type, series) {
  yield `# TYPE ${name} ${type}`;
  for (const [labels, value] of series) {
    if (type !== 'histogram') {
      yield `${name}${text(labels)} ${value}`;
      continue;
    }
    let count = 0;
    for (const [index, bound] of [...BUCKETS_S, '+Inf'].entries()) {
      count += value[index];
      yield `${name}_bucket${text({ ...labels, le: bound })} ${count}`;
    }
    yield `${name}_count${text(labels)} ${count}`;
    yield `${name}_sum${text(labels)} ${value[SLOTS - 1]}`;
  }
}

function text(labels) {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length ? `{${pairs}}` : '';
}

/** Connections that the kernel holds for all who listen on the port; NaN where it does not tell. */
function acceptQueueLength(port) {
  const address = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const held = lines('/proc/net/tcp')
    .filter(([, local, , state]) => state === LISTENS && local.endsWith(address))
    .map(([, , , , queues]) => parseInt(queues.split(':')[1], 16));
  return held.length ? held.reduce((sum, length) => sum + length) : NaN;
}

/** CPU time of the first thread, which runs the event loop; NaN where the kernel does not tell. */
function loopCpuSeconds() {
  const [[nanoseconds]] = lines(`/proc/self/task/${process.pid}/schedstat`);
  return nanoseconds / 1e9;
}

function lines(path) {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').map((line) => line.trim().split(/\s+/));
  } catch {
    return [[NaN]];
  }
}
