// What is shown: time range, refresh, variables. Kept in the page's address with Grafana's names, so that links can
// be shared and work in both.

import * as prometheus from './prometheus.js';
import { moment, seconds } from './time.js';
import { ALL, KINDS, Variable } from './variables.js';

const NICE = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
const UNKNOWN_SCRAPE = 15; // seconds; only until the targets have told theirs, and where there is none
const VARIABLE = /\$(\w+)|\$\{(\w+)(?:[.[][^:}]*)?(?::([^}]+))?\}|\[\[(\w+)(?::(\w+))?\]\]/g;

const duration = (s) => (s < 1 ? `${Math.max(1, Math.round(s * 1000))}ms` : `${Math.max(1, Math.round(s))}s`);

function builtin(scope, name, step) {
  const length = scope.end - scope.start;
  return {
    // A step as long as the scrapes of now is a question about now.
    __rate_interval: () => duration(Math.max(step + scope.scrape, 4 * (step > scope.scrape ? scope.slowest : scope.scrape))),
    __interval: () => duration(step),
    __interval_ms: () => String(Math.round(step * 1000)),
    __range: () => duration(length),
    __range_s: () => String(Math.max(1, Math.round(length))),
    __range_ms: () => String(Math.round(length * 1000)),
    __from: () => String(Math.round(scope.start * 1000)),
    __to: () => String(Math.round(scope.end * 1000)),
    __timezone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    timeFilter: () => '',
  }[name]?.();
}

function write(scope, name, format, step, query) {
  if (name in scope.fixed) return query ? scope.fixed[name].query : scope.fixed[name].text;
  const variable = scope.variables.find((one) => one.name === name);
  if (variable) return variable.write(format, query);
  const value = builtin(scope, name, step);
  if (value === undefined || !format?.startsWith('date')) return value;
  return format === 'date:seconds' ? String(Math.round(value / 1000)) : new Date(Number(value)).toISOString();
}

export class Scope {
  constructor(dashboard) {
    const address = new URLSearchParams(location.search);
    const now = Date.now() / 1000;
    const { from = 'now-6h', to = 'now' } = dashboard.time ?? {};
    this.usual = { from, to };
    const usable = moment(address.get('from'), now) !== null && moment(address.get('to') ?? 'now', now) !== null;
    this.from = usable ? address.get('from') : from;
    this.to = usable ? address.get('to') ?? 'now' : to;
    const refresh = address.get('refresh') ?? dashboard.refresh ?? '';
    this.refresh = seconds(refresh) ? refresh : '';
    this.scrape = UNKNOWN_SCRAPE;
    this.slowest = UNKNOWN_SCRAPE; // anywhere in the range: scrapes may have been rarer once
    this.newest = null; // when the newest sample of the targets was taken
    this.annotations = new Set(); // names of those that are switched off
    const list = dashboard.templating?.list ?? [];
    this.unknown = list.filter((one) => !KINDS.includes(one.type)).map((one) => `variable "${one.name}" of the kind "${one.type}"`);
    this.variables = list.filter((one) => KINDS.includes(one.type)).map((one) => new Variable(one, address.getAll(`var-${one.name}`)));
    this.fixed = {}; // variables of one panel alone, as repeating sets them
    this.settle();
  }

  /** Fix the range for one round of queries, so that all panels show the same moment. */
  settle() {
    const now = Date.now() / 1000;
    this.end = moment(this.to, now, true) ?? now;
    this.start = Math.min(moment(this.from, now) ?? now - 3600, this.end - 1);
  }

  /** The same, for one panel: with its own range ("7d", "now/d"), shift and values of variables. */
  of(panel) {
    const own = Object.create(this);
    own.fixed = { ...this.fixed, ...panel.scopedVars };
    const { timeFrom, timeShift } = panel;
    const from = timeFrom && (timeFrom.startsWith('now') ? timeFrom : `now-${timeFrom}`);
    const begin = () => (from ? moment(from, this.end) : null) ?? this.start;
    Object.defineProperties(own, {
      start: { get: () => shifted(Math.min(begin(), this.end - 1), timeShift) },
      end: { get: () => shifted(this.end, timeShift) },
    });
    return own;
  }

  /**
   * Ask how often the targets are scraped, and which values those variables can have that queries need. Later ones may
   * depend on earlier ones; `repeats` are names of those that panels repeat for.
   */
  async load(repeats = new Set()) {
    const learn = prometheus.scrapes(this.start, this.now).then(({ interval, slowest, newest }) => {
      this.scrape = interval ?? this.scrape;
      this.slowest = slowest ?? this.scrape;
      this.newest = newest;
    }).catch(() => null);
    for (const one of this.variables) if (one.needed(repeats) && !one.learned) await this.#choices(one);
    await Promise.all([learn, this.renew()]);
    // The page knows this already, and need not ask again.
    for (const one of this.variables) if (one.name === 'scrape' && one.hidden) one.chosen = [String(Math.ceil(this.scrape))];
  }

  /** Ask again for what nobody chooses and queries need: it changes with time. */
  async renew() {
    await Promise.all(this.variables.filter((one) => one.learned).map((one) => this.#choices(one).catch(() => null)));
  }

  /** Ask for what menus offer and no query needs. */
  async offer() {
    for (const one of this.variables) if (!one.known && !one.hidden) await this.#choices(one);
  }

  async #choices(one) {
    await one.load((text) => this.fill(text), this.start, this.end);
    // Two that ask the same, such as the runs to compare, begin with different answers.
    const twin = this.variables.slice(0, this.variables.indexOf(one)).find((other) => other.question && other.question === one.question);
    if (twin && !one.asked && !one.multi && one.chosen[0] === twin.chosen[0]) one.chosen = [one.options.find((other) => other.value !== twin.chosen[0])?.value ?? one.chosen[0]].filter(Boolean);
  }

  /** The moment that "now" means: never in the future. */
  get now() {
    return Math.min(this.end, Date.now() / 1000);
  }

  /** The step for a chart of that many pixels, in seconds: never finer than the scrapes, nor than `least` says. */
  step(pixels, least = 0) {
    const wanted = Math.max((this.end - this.start) / Math.max(pixels, 60), this.slowest, least);
    return NICE.find((one) => one >= wanted) ?? Math.ceil(wanted / 86400) * 86400;
  }

  /** `expr` with Grafana's variables filled in; what is no variable stays. */
  fill(expr, step = this.scrape) {
    return expr.replace(VARIABLE, (whole, a, b, format, c, old) => write(this, a ?? b ?? c, format ?? old, step, true) ?? whole);
  }

  /** Variables in a title, a text or a link. */
  say(text) {
    return String(text ?? '').replace(VARIABLE, (whole, a, b, format, c, old) => {
      const name = a ?? b ?? c;
      if (name === '__url_time_range') return `from=${encodeURIComponent(this.from)}&to=${encodeURIComponent(this.to)}`;
      if (name === '__all_variables') return this.variables.filter((one) => !one.hidden).map((one) => one.write('queryparam')).join('&');
      return write(this, name, format ?? old ?? 'text', this.scrape, false) ?? whole;
    });
  }

  /** The address that shows the same. */
  address() {
    return this.#said({ from: this.from, to: this.to, refresh: this.refresh });
  }

  /** What goes along to another dashboard: each has a time range of its own, until a person chooses one. */
  carried() {
    const chosen = this.from !== this.usual.from || this.to !== this.usual.to;
    return this.#said(chosen ? { from: this.from, to: this.to } : {});
  }

  #said(head) {
    const query = new URLSearchParams(head);
    for (const one of this.variables) if (one.kind !== 'constant' && one.kind !== 'datasource') for (const value of one.chosen) query.append(`var-${one.name}`, value);
    return `?${query}`;
  }
}

/** "1h" -> an hour earlier. */
function shifted(at, by) {
  return at - (seconds(by) ?? 0);
}

/** One value of a variable, as `fixed` holds it. */
export function fixed(value, text = value) {
  return { text, query: value === ALL ? '.+' : value.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&').replace(/\\/g, '\\\\').replace(/"/g, '\\"') };
}
