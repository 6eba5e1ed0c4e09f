// One panel: asks its queries, draws the answer, and says honestly when there is none.

import { advice } from './advice.js';
import * as asking from './ask.js';
import { BarChart } from './barchart.js';
import { Chart } from './chart.js';
import { make, patch } from './elements.js';
import * as fields from './fields.js';
import { frames, rows } from './frames.js';
import { Heatmap } from './heatmap.js';
import { link } from './links.js';
import * as numbers from './numbers.js';
import { prose } from './prose.js';
import { Table } from './table.js';
import { csv, picture, save } from './take.js';
import * as transforming from './transform.js';
import { values } from './values.js';

const NUMBERS = { stat: numbers.stat, gauge: numbers.gauge, bargauge: numbers.bars, piechart: numbers.pie };
const PICTURES = { timeseries: Chart, trend: Chart, heatmap: Heatmap, 'state-timeline': Heatmap, 'status-history': Heatmap, barchart: BarChart, table: Table };

/** What the panel names and this page does not know. */
export function unknown(panel) {
  const kind = panel.type === 'text' || NUMBERS[panel.type] || PICTURES[panel.type] ? [] : [`panel of the kind "${panel.type}"`];
  return [...new Set([...kind, ...fields.unknown(panel), ...transforming.unknown(panel), ...asking.unknown(panel)])];
}

export class Panel {
  #request = null;
  #drawn = false;
  visible = false;
  asked = 0; // round of queries this panel has been part of

  constructor(panel, scope, { zoom, down, events }) {
    Object.assign(this, { panel, down, events, scope: scope.of(panel), frames: [] });
    this.title = this.scope.say(panel.title || '');
    this.panel = { ...panel, title: this.title || panel.type };
    this.queries = panel.type === 'text' ? [] : (panel.targets ?? []).filter((one) => !one.hide && one.expr);
    this.body = make('div', { class: `body ${panel.type}` });
    this.note = make('p', { class: 'note', hidden: true });
    this.element = make('section', { class: `panel is-${panel.type}${this.title ? '' : ' untitled'}`, 'aria-label': this.panel.title },
      this.title ? make('div', { class: 'top' }, make(panel.level ?? 'h2', { class: 'title' }, this.#heading()), this.#about(), this.#menu()) : null, this.body, this.note);
    const Picture = PICTURES[panel.type];
    if (Picture) this.picture = new Picture(this.body, this.panel, this.scope, zoom);
    if (panel.type === 'text') this.#say();
    else this.#wait('wait', 'Loading…');
    this.#name();
  }

  #heading() {
    const target = this.panel.links?.[0] && link(this.panel.links[0], this.scope);
    return target ? make('a', { href: target.href, title: target.title }, this.title) : this.title;
  }

  #about() {
    const text = this.panel.description && this.scope.say(this.panel.description);
    return text ? make('details', { class: 'about' }, make('summary', { 'aria-label': `About ${this.title}`, title: text }, 'i'), make('div', { class: 'card' }, prose(text))) : null;
  }

  #menu() {
    if (this.panel.type === 'text') return null;
    const button = (name, title, click) => make('button', { type: 'button', click: () => { click(); menu.open = false; } }, title, make('small', {}, name));
    const links = (this.panel.links ?? []).slice(1).map((one) => link(one, this.scope)).filter(Boolean).map((one) => make('a', { href: one.href }, one.title));
    const menu = make('details', { class: 'take' }, make('summary', { 'aria-label': `Save ${this.title}`, title: 'Save as a file' }, '⋯'),
      make('div', { class: 'card' }, button('CSV', 'Numbers', () => this.#csv()), button('PNG', 'Picture', () => this.#png()), links));
    return menu;
  }

  /** An unknown feature is named, never silently left out. */
  #name() {
    const found = unknown(this.panel);
    this.note.hidden = !found.length;
    if (found.length) this.note.textContent = `Only Grafana draws here: ${found.join(', ')}.`;
  }

  #say() {
    patch(this.body, prose(this.scope.say(this.panel.options?.content ?? '')));
  }

  #csv() {
    save(`${this.title}.csv`, URL.createObjectURL(new Blob(['\ufeff', csv(this.frames, this.panel)], { type: 'text/csv' })));
  }

  async #png() {
    (await picture(this.element, this.body, this.title)).toBlob((blob) => save(`${this.title}.png`, URL.createObjectURL(blob)));
  }

  /** Ask and draw. Never raises; a newer call ends an older one. */
  async refresh() {
    if (this.panel.type === 'text') this.#say();
    if (!this.queries.length) {
      if (this.panel.type !== 'text') this.#wait('empty', unknown(this.panel).length ? '' : 'This panel asks nothing.');
      return;
    }
    this.#request?.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    this.element.setAttribute('aria-busy', 'true');
    try {
      const answers = await asking.ask(this.panel, this.queries, this.scope, this.body.clientWidth || 400, signal);
      const events = this.panel.type === 'timeseries' ? await this.events() : [];
      if (signal.aborted) return;
      await this.#draw(answers, events, signal);
      this.element.classList.remove('stale');
      this.down(null);
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.#fail(error);
    } finally {
      if (!signal.aborted) this.element.removeAttribute('aria-busy');
    }
  }

  #fail(error) {
    if (!error.down) {
      this.#wait('wait failed', `This panel failed: ${error.message}`);
      return;
    }
    this.down(error.message);
    this.element.classList.add('stale');
    if (!this.#drawn) this.#wait('wait failed', 'No answer from Prometheus.');
  }

  async #draw(answers, events, signal) {
    this.frames = transforming.transform(frames(answers), this.panel);
    const some = this.frames.some((frame) => rows(frame) > 0);
    const found = some && NUMBERS[this.panel.type] ? values(this.frames, this.panel, this.scope) : null;
    if (!some || (found && !found.length)) {
      const text = await advice(this.panel, this.queries, this.scope, signal);
      if (signal.aborted) return;
      patch(this.body, make('div', { class: 'empty' }, prose(text)));
      this.element.classList.add('is-empty');
      this.#drawn = false;
      return;
    }
    this.element.classList.remove('is-empty');
    this.#drawn = true;
    if (found) patch(this.body, NUMBERS[this.panel.type](found, this.panel, this.scope));
    else this.picture?.draw(this.frames, events);
  }

  /** Draw again in other colours. */
  repaint() {
    if (this.#drawn) this.picture?.repaint?.();
  }

  #wait(kind, text) {
    this.#drawn = false;
    patch(this.body, make('p', { class: kind }, text));
  }
}
