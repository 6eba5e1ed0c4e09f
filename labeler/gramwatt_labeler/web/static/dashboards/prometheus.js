// The read-only calls of the proxy.

const API = new URL('api/v1/', new URL(document.body.dataset.home ?? './', document.baseURI));
const open = new Map(); // questions on their way: panels that ask the same share one answer
let asked = 0;

/** What went wrong, with `down` when there is no Prometheus to ask rather than a wrong question. */
export class QueryError extends Error {
  constructor(message, down) {
    super(message);
    this.down = down;
  }
}

async function fetched(address) {
  let answer;
  asked += 1;
  document.documentElement.dataset.queries = String(asked);
  try {
    answer = await fetch(address, { signal: open.get(address).stop.signal, headers: { Accept: 'application/json' } });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new QueryError('The labeler that serves this page does not answer', true);
  }
  const body = await answer.json().catch(() => null);
  if (body?.status !== 'success') {
    const down = ['unavailable', 'timeout'].includes(body?.errorType) || body === null || answer.status === 503;
    throw new QueryError(body?.error ?? `Status ${answer.status}`, down);
  }
  return body.data;
}

/** One question. It is given up when everybody who waits for the answer has. */
function get(path, parameters, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) for (const one of [value].flat()) query.append(name, one);
  const address = new URL(`${path}?${query}`, API).href;
  let shared = open.get(address);
  if (!shared) {
    shared = { waiting: 0, stop: new AbortController() };
    open.set(address, shared);
    shared.answer = fetched(address).finally(() => open.get(address) === shared && open.delete(address));
    shared.answer.catch(() => null);
  }
  shared.waiting += 1;
  return new Promise((resolve, reject) => {
    const leave = () => {
      reject(new DOMException('not wanted any more', 'AbortError'));
      shared.waiting -= 1;
      if (!shared.waiting) {
        open.delete(address);
        shared.stop.abort();
      }
    };
    if (signal?.aborted) leave();
    signal?.addEventListener('abort', leave, { once: true });
    shared.answer.then(resolve, reject).finally(() => signal?.removeEventListener('abort', leave));
  });
}

const number = (text) => {
  const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
  return Number.isNaN(value) ? null : value;
};

/** The value of every series at one moment: [{labels, value}]. NaN is no value. */
export async function instant(expr, time, signal) {
  const data = await get('query', { query: expr, time: time.toFixed(3) }, signal);
  if (data.resultType === 'scalar') return [{ labels: {}, value: number(data.result[1]) }];
  return data.result.filter((one) => one.value).map((one) => ({ labels: one.metric, value: number(one.value[1]) }))
    .filter((one) => one.value !== null);
}

/** Every series over time: {times, series: [{labels, values}]}, null where there is no sample. */
export async function range(expr, start, end, step, signal) {
  const data = await get('query_range', { query: expr, start, end, step }, signal);
  const times = [];
  for (let at = start; at <= end + step / 1000; at += step) times.push(at);
  const series = data.result.map((one) => {
    const values = new Array(times.length).fill(null);
    for (const [at, text] of one.values) values[Math.round((at - start) / step)] = number(text);
    return { labels: one.metric, values };
  }).filter((one) => one.values.some((value) => value !== null));
  return { times, series };
}

/** The values of `label`, of `metric` if given, sorted. */
export async function labelValues(label, metric, start, end) {
  const parameters = { start: Math.floor(start), end: Math.ceil(end) };
  if (metric) parameters['match[]'] = metric;
  return (await get(`label/${label}/values`, parameters)).sort();
}

/**
 * {interval, slowest, newest}: seconds between the scrapes of the slowest target at the end of the range and anywhere in
 * it, and when the newest sample was taken; null where not known.
 */
export function scrapes(start, end) {
  return get('scrapes', { start: Math.floor(start), end: Math.floor(end) });
}
