// One panel: asks its queries, draws the answer, and says honestly when there is none.

import { Chart } from './chart.js';
import { legend, make } from './elements.js';
import * as numbers from './numbers.js';
import * as prometheus from './prometheus.js';
import * as table from './table.js';

const DRAWN = ['stat', 'gauge', 'bargauge', 'table', 'timeseries', 'text'];

export class Panel {
  #state = {};
  #request = null;
  visible = false;
  asked = 0; // round of queries this panel has been part of

  constructor(panel, scope, { zoom, down }) {
    this.panel = panel;
    this.scope = scope;
    this.down = down;
    this.body = make('div', { class: `body ${panel.type}` });
    const about = panel.description
      ? make('details', { class: 'about' }, make('summary', { 'aria-label': `About ${panel.title}` }, 'i'), make('p', {}, panel.description))
      : null;
    this.element = make('section', { class: `panel is-${panel.type}`, 'aria-label': panel.title },
      make('h3', {}, panel.title, about), this.body);
    if (panel.type === 'timeseries') this.chart = new Chart(this.body, panel, zoom);
    if (panel.type === 'text') numbers.prose(this.body, panel);
    else this.#message('wait', DRAWN.includes(panel.type) ? 'Loading…' : `Panels of the kind "${panel.type}" are drawn only by Grafana.`);
  }

  get queries() {
    return DRAWN.includes(this.panel.type) && this.panel.type !== 'text' ? (this.panel.targets ?? []).filter((one) => !one.hide) : [];
  }

  /** Ask and draw. Never raises; a newer call ends an older one. */
  async refresh() {
    if (!this.queries.length) return;
    this.#request?.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.element.setAttribute('aria-busy', 'true');
    try {
      const step = this.scope.step(this.panel.type === 'timeseries' ? this.body.clientWidth : 60);
      const answers = await Promise.all(this.queries.map((query) => this.#ask(query, step, signal)));
      if (signal.aborted) return;
      await this.#draw(answers, step, signal);
      this.element.classList.remove('stale');
      this.down(null);
    } catch (error) {
      if (error.name === 'AbortError') return;
      if (error.down) {
        this.down(error.message);
        this.element.classList.add('stale');
        if (this.body.querySelector('.wait')) this.#message('wait failed', 'No answer from Prometheus.');
      } else {
        this.#message('wait failed', `This panel failed: ${error.message}`);
      }
    } finally {
      if (!signal.aborted) this.element.removeAttribute('aria-busy');
    }
  }

  async #ask(query, step, signal) {
    const { start, end } = this.scope;
    const expr = this.scope.fill(query.expr, step);
    if (query.instant && !query.range) {
      const found = await prometheus.instant(expr, end, signal);
      return { refId: query.refId, series: found.map((one) => ({ ...one, name: legend(query.legendFormat, one.labels) })) };
    }
    const from = Math.floor(start / step) * step;
    const found = await prometheus.range(expr, from, Math.floor(end / step) * step, step, signal);
    return {
      refId: query.refId, times: found.times,
      series: found.series.map((one) => ({ ...one, name: legend(query.legendFormat, one.labels) })),
    };
  }

  async #draw(answers, step, signal) {
    const all = answers.flatMap((one) => one.series);
    if (!all.length) {
      const { noValue } = this.panel.fieldConfig?.defaults ?? {};
      if (noValue) this.#message('empty', noValue);
      else this.#message('empty', 'No data', await this.#why(step, signal));
      return;
    }
    if (this.panel.type === 'timeseries') {
      this.chart.draw(answers.find((one) => one.series.length).times, all, this.scope);
      return;
    }
    if (this.panel.type === 'table') {
      table.draw(this.body, this.panel, answers, this.#state);
      return;
    }
    const series = answers.flatMap((one) => one.series.map((found) => (found.values ? last(found, one.times, step) : found)));
    const draw = { stat: numbers.stat, gauge: numbers.gauge, bargauge: numbers.bars }[this.panel.type];
    draw(this.body, this.panel, series);
  }

  /** Which metric is missing, or that the choice above leaves nothing. */
  async #why(step, signal) {
    const text = this.queries.map((one) => one.expr).join(' ');
    const names = [...new Set(text.match(/\b[a-z_]+:?gramwatt_[a-z0-9_]+(?::[a-z0-9_]+)?|\bgramwatt_[a-z0-9_]+|\bALERTS\b|\bup\b/g) ?? [])];
    const { end } = this.scope;
    const missing = [];
    for (const name of names) {
      const found = await prometheus.instant(this.scope.fill(`count(last_over_time(${name}[$__range]))`), end, signal).catch(() => null);
      if (found && !found.length) missing.push(name);
    }
    if (missing.length) return `Prometheus has no ${missing.join(', no ')} in this time range.`;
    const young = step >= 60 && this.panel.type === 'timeseries'
      ? `, or it is younger than the ${Math.round(step / 60)} minutes between two points of this time range` : '';
    return `Nothing matches the choice above${young}.`;
  }

  #message(kind, first, second) {
    this.body.replaceChildren(make('p', { class: kind }, make('span', {}, first), second ? make('small', {}, second) : null));
  }
}

/** The last known value of a curve, and when that was if it is not now. */
function last(series, times, step) {
  const at = series.values.findLastIndex((value) => value !== null);
  const late = times.at(-1) - times[at] > 2 * step ? times[at] : null;
  return { ...series, value: series.values[at], late };
}
