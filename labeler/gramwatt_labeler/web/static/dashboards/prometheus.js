// The four read-only calls of the proxy.

/** What went wrong, with `down` when there is no Prometheus to ask rather than a wrong question. */
export class QueryError extends Error {
  constructor(message, down) {
    super(message);
    this.down = down;
  }
}

async function get(path, parameters, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) query.append(name, one);
  }
  let answer;
  try {
    answer = await fetch(`api/v1/${path}?${query}`, { signal, headers: { Accept: 'application/json' } });
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

const number = (text) => {
  const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
  return Number.isNaN(value) ? null : value;
};

/** The value of every series at one moment: [{labels, value}]. NaN is no value. */
export async function instant(expr, time, signal) {
  const data = await get('query', { query: expr, time }, signal);
  if (data.resultType === 'scalar') return [{ labels: {}, value: number(data.result[1]) }];
  return data.result.map((one) => ({ labels: one.metric, value: number(one.value[1]) }))
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
  const parameters = { start, end };
  if (metric) parameters['match[]'] = metric;
  return (await get(`label/${label}/values`, parameters)).sort();
}
