// What is shown: time range, refresh, variables. Kept in the page's address with Grafana's names, so that links can
// be shared and work in both.

import * as prometheus from './prometheus.js';

export const SCRAPE_SECONDS = 5; // as in Grafana's datasource (timeInterval) and Prometheus' job gramwatt
const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000, y: 31536000 };
const NICE = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
export const ALL = '$__all';

/** "5m" -> 300. Null for anything else. */
export function seconds(text) {
  const match = /^(\d+)([smhdwMy])$/.exec(text ?? '');
  return match ? Number(match[1]) * UNITS[match[2]] : null;
}

/** "now", "now-1h" or milliseconds -> Unix seconds. Null for anything else. */
function moment(text, now) {
  if (text === 'now') return now;
  if (/^\d{10,}$/.test(text)) return Number(text) / 1000;
  const match = /^now-(\w+)$/.exec(text ?? '');
  const ago = match && seconds(match[1]);
  return ago ? now - ago : null;
}

const escapeRegex = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\/g, '\\\\').replace(/"/g, '\\"');
const duration = (s) => `${Math.max(1, Math.round(s))}s`;

export class Scope {
  constructor(dashboard) {
    const address = new URLSearchParams(location.search);
    const now = Date.now() / 1000;
    const { from, to } = dashboard.time;
    const usable = moment(address.get('from'), now) !== null && moment(address.get('to') ?? 'now', now) !== null;
    this.from = usable ? address.get('from') : from;
    this.to = usable ? address.get('to') ?? 'now' : to;
    const refresh = address.get('refresh') ?? dashboard.refresh ?? '';
    this.refresh = seconds(refresh) ? refresh : '';
    this.variables = (dashboard.templating?.list ?? [])
      .filter((one) => one.type === 'query')
      .map((one) => {
        const asked = address.getAll(`var-${one.name}`);
        return { ...one, values: [], chosen: asked.length ? asked : [ALL] };
      });
    this.settle();
  }

  /** Fix the range for one round of queries, so that all panels show the same moment. */
  settle() {
    const now = Date.now() / 1000;
    this.end = moment(this.to, now) ?? now;
    this.start = Math.min(moment(this.from, now) ?? now - 3600, this.end - 1);
  }

  /** Ask which values the variables can have. Later variables may depend on earlier ones. */
  async loadVariables() {
    for (const one of this.variables) {
      const match = /^label_values\((?:(.+),\s*)?(\w+)\)$/s.exec(one.query?.query ?? one.query);
      if (!match) continue;
      const metric = match[1] && this.fill(match[1]);
      one.values = await prometheus.labelValues(match[2], metric, this.start, this.end);
    }
  }

  /** The step for a chart of that many pixels, in seconds: never finer than the scrapes. */
  step(pixels) {
    const wanted = Math.max((this.end - this.start) / Math.max(pixels, 60), SCRAPE_SECONDS);
    return NICE.find((one) => one >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  }

  /** `expr` with Grafana's variables filled in. */
  fill(expr, step = SCRAPE_SECONDS) {
    const rate = Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS);
    let text = expr
      .replaceAll('$__rate_interval', duration(rate))
      .replaceAll('$__interval', duration(step))
      .replaceAll('$__range', duration(this.end - this.start));
    for (const one of this.variables) {
      text = text.replaceAll(`$${one.name}`, () => this.#pattern(one));
    }
    return text;
  }

  #pattern(one) {
    if (one.chosen.includes(ALL)) return one.allValue || '.+';
    const values = one.chosen.map(escapeRegex);
    return values.length === 1 ? values[0] : `(${values.join('|')})`;
  }

  /** The address that shows the same. */
  address() {
    const query = new URLSearchParams({ from: this.from, to: this.to, refresh: this.refresh });
    for (const one of this.variables) for (const value of one.chosen) query.append(`var-${one.name}`, value);
    return `?${query}`;
  }
}
