// The queries of one panel: "now" is asked as of now, a curve over the range.

import { reducer } from './reduce.js';
import * as prometheus from './prometheus.js';
import { seconds } from './time.js';

const SINGLE = ['stat', 'gauge', 'bargauge', 'piechart'];
const OVER_TIME = ['timeseries', 'trend', 'heatmap', 'state-timeline', 'status-history'];

/** Whether a panel shows curves, and so asks over the range. */
export const overTime = (panel) => OVER_TIME.includes(panel.type);

const isLast = (panel) => ['lastNotNull', 'last'].includes(panel.options?.reduceOptions?.calcs?.[0] ?? 'lastNotNull');

function least(panel, query, scope) {
  return Math.max(...[query.interval, panel.interval].map((said) => seconds(scope.fill(said || '').replace(/^[>=\s]+/, '')) ?? 0));
}

/** Steps are aligned, so that a curve does not change its shape with every refresh; days begin at the person's midnight. */
function aligned(scope, step) {
  const offset = -new Date(scope.end * 1000).getTimezoneOffset() * 60;
  return [scope.start, scope.end].map((at) => Math.floor((at + offset) / step) * step - offset);
}

async function curve(query, panel, scope, pixels, signal) {
  const step = scope.step(Math.min(pixels, panel.maxDataPoints || pixels), least(panel, query, scope));
  const [from, to] = aligned(scope, step);
  const expr = scope.fill(query.expr, step);
  const found = await prometheus.range(expr, from, to, step, signal);
  const part = `[${panel.interval}]`;
  const bars = panel.fieldConfig?.defaults?.custom?.drawStyle === 'bars' && scope.now - to > scope.scrape;
  if (!bars || !expr.includes(part)) return { step, ...found };
  // Bars of a day or a month: the last one is of the day that is not over.
  const rest = await prometheus.instant(expr.replaceAll(part, `[${Math.ceil(scope.now - to)}s]`), scope.now, signal);
  return { step, ...upTo(found, { time: to + step, series: rest }) };
}

/** What is now. */
async function moment(query, panel, scope, signal) {
  // A rate over the step of a long range would be a mean and not what is now.
  const step = Math.max(scope.scrape, least(panel, query, scope));
  return { time: scope.now, series: await prometheus.instant(scope.fill(query.expr, step), scope.now, signal) };
}

/** Curves that end in what is now: the last aligned step of a long range is hours old. */
function upTo(over, now) {
  const key = (labels) => JSON.stringify(Object.entries(labels).sort());
  const last = new Map(now.series.map((one) => [key(one.labels), one]));
  const series = over.series.map((one) => {
    const end = last.get(key(one.labels));
    last.delete(key(one.labels));
    return { ...one, values: [...one.values, end?.value ?? null] };
  });
  const fresh = [...last.values()].map((one) => ({ labels: one.labels, values: [...new Array(over.times.length).fill(null), one.value] }));
  return { times: [...over.times, now.time], series: [...series, ...fresh] };
}

async function number(query, panel, scope, signal) {
  const picture = panel.options?.graphMode === 'area' && panel.type === 'stat';
  const now = await moment(query, panel, scope, signal);
  if (!picture && now.series.length) return now;
  return upTo(await curve(query, panel, scope, 60, signal), now);
}

/** One answer of each query, as frames.js reads them. Raises QueryError, or AbortError when `signal` ends it. */
export function ask(panel, queries, scope, pixels, signal) {
  return Promise.all(queries.map(async (query) => {
    const facts = { refId: query.refId ?? 'A', format: query.legendFormat && scope.say(query.legendFormat) };
    const ranged = query.range || !query.instant;
    if (overTime(panel) && ranged) return { ...facts, ...await curve(query, panel, scope, pixels, signal) };
    if (SINGLE.includes(panel.type) && ranged) {
      return { ...facts, ...await (isLast(panel) ? number(query, panel, scope, signal) : curve(query, panel, scope, 200, signal)) };
    }
    if (!query.instant && query.range !== undefined && query.format !== 'table') return { ...facts, ...await curve(query, panel, scope, Math.min(pixels, 120), signal) };
    return { ...facts, table: query.format === 'table' || panel.type === 'table', ...await moment(query, panel, scope, signal) };
  }));
}

/** What a panel's options name and this page does not know. */
export function unknown(panel) {
  const calcs = [...(panel.options?.reduceOptions?.calcs ?? []), ...(panel.options?.legend?.calcs ?? [])];
  return calcs.filter((one) => !reducer(one)).map((one) => `calculation "${one}"`);
}
