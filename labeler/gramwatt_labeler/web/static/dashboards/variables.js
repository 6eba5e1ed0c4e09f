// The variables of a dashboard: what they can be, what is chosen, and how they are written into queries and links.

import { pattern } from './fields.js';
import * as prometheus from './prometheus.js';

export const ALL = '$__all';
export const KINDS = ['query', 'custom', 'textbox', 'interval', 'constant', 'datasource'];

const escapeRegex = (text) => text.replace(/[\\^$*+?.()|[\]{}/]/g, '\\$&');
const quoted = (text) => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
// A regex inside of a PromQL string: escaped once for the regex and once for the string. A slash needs neither.
const inQuery = (text) => quoted(text.replace(/[\\^$*+?.()|[\]{}]/g, '\\$&'));

function alternatives(values, escape) {
  return values.length === 1 ? escape(values[0]) : `(${values.map(escape).join('|')})`;
}

const FORMATS = {
  regex: (values) => alternatives(values, escapeRegex),
  pipe: (values) => values.join('|'),
  csv: (values) => values.join(','),
  raw: (values) => values.join(','),
  text: (values) => values.join(' + '),
  json: (values) => JSON.stringify(values),
  glob: (values) => (values.length > 1 ? `{${values.join(',')}}` : values[0]),
  singlequote: (values) => values.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(','),
  doublequote: (values) => values.map((value) => `"${quoted(value)}"`).join(','),
  sqlstring: (values) => values.map((value) => `'${value.replaceAll("'", "''")}'`).join(','),
  percentencode: (values) => encodeURIComponent(values.join(',')),
  distributed: (values, name) => values.map((value, place) => (place ? `${name}=${value}` : value)).join(','),
};

/** "a : b, c" as Grafana's custom variables write choices: [{text, value}]. */
function listed(text) {
  return (String(text ?? '').match(/(?:\\,|[^,])+/g) ?? []).map((one) => {
    const plain = one.replaceAll('\\,', ',').trim();
    const pair = /^(.+?)\s+:\s+(.+)$/.exec(plain);
    return pair ? { text: pair[1], value: pair[2] } : { text: plain, value: plain };
  });
}

/** A value filtered, and taken apart, by the variable's regex. */
function sifted(values, regex) {
  if (!regex) return values.map((value) => ({ text: value, value }));
  const match = pattern(regex.startsWith('/') ? regex : `/${regex}/`);
  const found = new Map();
  for (const value of values) {
    const groups = match.exec(value);
    if (!groups) continue;
    const chosen = groups.groups?.value ?? groups[1] ?? groups[0];
    found.set(chosen, { text: groups.groups?.text ?? chosen, value: chosen });
  }
  return [...found.values()];
}

const ORDERS = {
  number: (a, b) => parseFloat(a.text) - parseFloat(b.text), plain: (a, b) => a.text.localeCompare(b.text, undefined, { numeric: true }),
  small: (a, b) => a.text.toLowerCase().localeCompare(b.text.toLowerCase()),
};

function sorted(options, sort) {
  const order = [null, ORDERS.plain, ORDERS.plain, ORDERS.number, ORDERS.number, ORDERS.small, ORDERS.small, ORDERS.plain, ORDERS.plain][sort ?? 0];
  if (!order) return options;
  const found = [...options].sort(order);
  return sort % 2 ? found : found.reverse();
}

/** One variable. `asked` are the values in the page's address. */
export class Variable {
  constructor(definition, asked) {
    Object.assign(this, { name: definition.name, kind: definition.type, multi: definition.multi, allValue: definition.allValue, regex: definition.regex });
    this.definition = definition;
    this.all = Boolean(definition.includeAll);
    this.label = definition.label || definition.name;
    this.hidden = definition.hide === 2 || definition.hide === 'hideVariable' || ['datasource', 'constant'].includes(definition.type);
    this.asked = asked.length > 0; // by the page's address or, later, by the person
    this.question = this.kind === 'query' ? JSON.stringify(definition.query?.query ?? definition.query) : null;
    this.options = [];
    if (['custom', 'interval'].includes(this.kind)) this.options = listed(definition.query).filter((one) => one.value !== 'auto');
    const current = [definition.current?.value ?? []].flat().map(String).filter((value) => value !== '');
    this.chosen = asked.length ? asked : current;
    if (['textbox', 'constant'].includes(this.kind)) this.chosen = asked.length ? asked : [current[0] ?? String(definition.query ?? '')];
    else this.#settle();
    if (this.kind === 'textbox' && this.name === 'labeler') [this.chosen, this.hidden] = [[location.origin], true]; // this page is the labeler's
  }

  /** Something is chosen, wherever there is something to choose. */
  #settle() {
    if (this.chosen.length && !(this.chosen.includes(ALL) && !this.all)) return;
    const first = this.options.find((one) => one.selected) ?? this.options[0];
    this.chosen = this.all ? [ALL] : first ? [first.value] : [];
  }

  /** Ask which values there are; `fill` writes other variables into the question. */
  async load(fill, start, end) {
    if (this.kind !== 'query') return;
    this.known = true;
    const text = String(this.definition.query?.query ?? this.definition.query ?? '').trim();
    this.options = sorted(sifted(await answers(text, fill, start, end), this.regex), this.definition.sort);
    if (!this.multi && !this.all && this.chosen.length && !this.options.some((one) => one.value === this.chosen[0])) this.chosen = [];
    this.#settle();
  }

  /** Whether queries need the values: not where "All" is chosen and stands for a pattern. */
  needed(repeats) {
    if (this.kind !== 'query' || (this.name === 'scrape' && this.hidden)) return false;
    return repeats.has(this.name) || !this.chosen.includes(ALL) || (Boolean(this.regex) && !this.allValue);
  }

  /** Whether its values follow from the data of the range, and are chosen by nobody. */
  get learned() {
    return this.kind === 'query' && this.hidden && this.definition.refresh === 2 && this.name !== 'scrape' && /^"?query_result/.test(this.question);
  }

  /** Every value that is meant; "All" means each that there is. */
  get values() {
    if (!this.chosen.includes(ALL)) return this.chosen;
    return this.options.map((one) => one.value);
  }

  get text() {
    if (this.chosen.includes(ALL)) return 'All';
    return this.chosen.map((value) => this.options.find((one) => one.value === value)?.text ?? value).join(' + ');
  }

  /** As `${name:format}` writes it; without a format as a regex inside of a quoted string of PromQL. */
  write(format, query) {
    if (format === 'queryparam') return this.chosen.map((value) => `var-${this.name}=${encodeURIComponent(value)}`).join('&');
    if (format === 'text') return this.text;
    if (this.chosen.includes(ALL) && (this.allValue || (query && !this.regex))) return this.allValue || '.+';
    const values = this.values;
    if (!values.length) return '';
    if (format && FORMATS[format]) return FORMATS[format](values, this.name);
    if (!query) return values.join(',');
    const single = !this.multi && !this.all;
    return single ? values[0] : alternatives(values, inQuery);
  }
}

async function answers(text, fill, start, end) {
  const labels = /^label_values\((?:(.+),\s*)?([\w]+)\s*\)$/s.exec(text);
  if (labels) return prometheus.labelValues(labels[2], labels[1] && fill(labels[1].trim()), start, end);
  const result = /^query_result\((.+)\)$/s.exec(text);
  if (result) {
    const found = await prometheus.instant(fill(result[1]), end);
    return found.map(({ labels: { __name__: name = '', ...rest }, value }) => {
      const inside = Object.entries(rest).map(([key, one]) => `${key}="${one}"`).join(',');
      return `${name}${inside ? `{${inside}}` : ''} ${value} ${Math.round(end * 1000)}`;
    });
  }
  const metrics = /^metrics\((.*)\)$/s.exec(text);
  if (metrics) return (await prometheus.labelValues('__name__', null, start, end)).filter((name) => new RegExp(metrics[1]).test(name));
  throw new Error(`The variable's question "${text}" is of a kind that only Grafana asks`);
}
