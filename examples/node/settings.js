// A replica's configuration, from the environment that runtime.md describes.

const TELEMETRY = ['off', 'metrics', 'official'];

/** `problems` has a line for each value that is missing or wrong. */
export function readSettings(env) {
  const problems = [];

  function number(name, { min, max, fallback, integer = true }) {
    const text = env[name] || fallback;
    if (text === undefined) {
      problems.push(`${name}: missing; for example ${name}=8000`);
    } else if (!(integer ? /^\d+$/ : /^\d+(\.\d+)?$/).test(text) || text < min || text > max) {
      problems.push(`${name}: '${text}' is not ${integer ? 'an integer' : 'a number'} from ${min} to ${max}`);
    }
    return Number(text);
  }

  const settings = {
    role: env.LAB_ROLE ?? '',
    variant: env.LAB_VARIANT ?? '',
    host: env.LAB_HOST || '127.0.0.1',
    port: number('LAB_PORT', { min: 1, max: 65535 }),
    metricsPort: number('LAB_METRICS_PORT', { min: 1, max: 65535 }),
    telemetry: env.LAB_TELEMETRY || 'off',
    drainMs: number('LAB_DRAIN_S', { min: 0, max: 8, fallback: '0.5', integer: false }) * 1000,
  };
  if (!settings.role) {
    problems.push('LAB_ROLE: missing; for example LAB_ROLE=ping');
  } else if (settings.role !== 'ping') {
    problems.push(`LAB_ROLE: '${settings.role}' is not ping`);
  }
  if (!TELEMETRY.includes(settings.telemetry)) {
    problems.push(`LAB_TELEMETRY: '${settings.telemetry}' is none of ${TELEMETRY.join(', ')}`);
  }
  return { settings, problems };
}
