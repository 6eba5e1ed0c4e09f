// Tables, patched in place: what a person has scrolled to, focused or marked stays over a refresh.

import { named, step, surface } from './colours.js';
import { make, patch } from './elements.js';
import { mapped, settings } from './fields.js';
import * as format from './format.js';
import { rows, shown } from './frames.js';
import { link } from './links.js';
import { sparkline } from './numbers.js';
import { COMMAND, copyButton } from './prose.js';
import { sorting } from './transform.js';

const FIRST_ROWS = 100; // of a longer table; a button shows the others
const WIDE = 9; // columns beyond which a table is printed smaller
const PAIR = 8; // columns from which two rows stand side by side on a phone
const SEARCHED = 12; // rows from which a table has a field to search in

const plain = (value) => (value && typeof value === 'object' ? value.last : value);

/** One frame of them all: the columns that are to be seen, with their settings. */
export function columns(frames, panel) {
  const names = [...new Set(frames.flatMap((frame) => frame.fields.map(shown)))];
  const all = names.map((name) => {
    const own = frames.map((frame) => frame.fields.find((field) => shown(field) === name));
    const field = own.find(Boolean);
    const values = frames.flatMap((frame, place) => own[place]?.values ?? new Array(rows(frame)).fill(null));
    const facts = { type: field.type === 'trend' ? 'frame' : field.type, refId: frames[0].refId, from: field.from ?? field.name };
    return { ...field, name, display: undefined, values, settings: settings(panel, name, facts) };
  });
  const seen = all.filter(({ name, from, settings: own }) => name !== '__name__' && !(name === 'Time' && !from) && !own.custom.hidden && !own.custom.hideFrom?.viz);
  return seen.map((one) => ({ ...one, title: own(one).displayName ?? one.name, number: one.type === 'number' && one.values.some((value) => value !== null && !mapped(own(one).mappings, value)) }));
}

const own = (column) => column.settings;

/** A cell's text. */
export function written(column, at) {
  const value = column.values[at];
  const { mappings, unit, decimals, noValue } = own(column);
  const mapping = mapped(mappings, plain(value));
  if (mapping?.text !== undefined) return mapping.text;
  if (value === undefined || value === null || value === '') return noValue ?? '';
  if (column.type === 'trend') return format.text(value.last, unit, decimals);
  if (column.type === 'time' && !unit) return format.date(value);
  return typeof value === 'number' ? format.text(value, unit, decimals) : String(value);
}

function inside(column, at, text) {
  const value = plain(column.values[at]);
  const { cell, min = 0, thresholds, colour } = own(column);
  const mapping = mapped(own(column).mappings, value);
  const tint = mapping?.color ?? (typeof value === 'number' && thresholds ? step(thresholds, value, min, own(column).max) : colour);
  if (column.type === 'trend') {
    const curve = column.values[at] && sparkline(column.values[at].values, named(colour ?? 'blue'), { class: 'curve' }, false);
    return own(column).custom.cellOptions?.hideValue ? curve : [text, curve];
  }
  if (['gauge', 'lcd-gauge', 'gradient-gauge'].includes(cell) && typeof value === 'number') {
    const most = own(column).max ?? Math.max(...column.values.filter((one) => typeof one === 'number'), 0);
    const width = `${Math.max(0, Math.min(100, (100 * (value - min)) / (most - min || 1))).toFixed(1)}%`;
    return [text, make('span', { class: 'meter', 'aria-hidden': 'true' }, make('i', { style: { width, background: surface(tint && tint !== 'text' ? tint : 'blue') } }))];
  }
  if (cell?.startsWith('color') && tint && tint !== 'text' && text !== '') {
    return make('span', { class: cell.startsWith('color-background') ? 'badge' : 'coloured', style: { '--own': named(tint) } }, text);
  }
  return COMMAND.test(text) ? [make('code', {}, text), copyButton(text)] : text;
}

/** The table of a panel. Its order, search and length are the person's and stay over a refresh. */
export class Table {
  #sort = null;
  #search = '';
  #all = false;

  constructor(body, panel, scope) {
    Object.assign(this, { body, panel, scope });
    const first = panel.options?.sortBy?.[0];
    if (first) this.#sort = { name: first.displayName, down: first.desc ?? false };
  }

  draw(frames) {
    this.columns = columns(frames, this.panel);
    this.#render();
  }

  /** The rows that are shown, in their order. */
  #places() {
    const count = this.columns[0]?.values.length ?? 0;
    const by = this.columns.find((column) => column.title === this.#sort?.name || column.name === this.#sort?.name);
    const sorted = by ? sorting(by.values.map(plain), this.#sort.down) : Array.from({ length: count }, (_, at) => at);
    const wanted = this.#search.toLowerCase();
    return wanted ? sorted.filter((at) => this.columns.some((column) => written(column, at).toLowerCase().includes(wanted))) : sorted;
  }

  #head(column, value) {
    const sorted = [column.title, column.name].includes(this.#sort?.name) ? (this.#sort.down ? 'descending' : 'ascending') : null;
    const click = () => {
      this.#sort = { name: column.title, down: sorted ? sorted === 'ascending' : column.number || column.type === 'trend' };
      this.#render();
    };
    const width = own(column).custom.width;
    return make('th', { scope: 'col', role: 'columnheader', 'aria-sort': sorted, class: kind(column, value), title: own(column).description, style: width ? { 'min-width': `${Math.min(width, 240)}px` } : {} },
      make('button', { type: 'button', click }, column.title));
  }

  #cell(column, at, frame, value) {
    const text = written(column, at);
    const long = !column.number && text.length > 32;
    const target = text !== '' && own(column).links?.[0] && link(own(column).links[0], this.scope, { frame, own: column, at, text });
    const content = inside(column, at, text);
    return make('td', { role: 'cell', 'data-label': column.title, class: [kind(column, value), long ? 'long' : '', text === '' ? 'none' : ''].join(' ').trim() || null },
      target ? make('a', { href: target.href, title: target.title, target: target.away ? '_blank' : null, rel: target.away ? 'noreferrer' : null }, content) : content);
  }

  #render() {
    const places = this.#places();
    const count = this.columns[0]?.values.length ?? 0;
    const frame = { fields: this.columns };
    const numbers = this.columns.filter((column, place) => column.number && place > 0 && !/^(dateTime|time:)/.test(own(column).unit ?? ''));
    const value = numbers.find((column) => [column.title, column.name].includes(this.#sort?.name)) ?? numbers[0];
    const texts = this.columns.filter((column) => column.type === 'string');
    const keys = new Map();
    const key = (at) => {
      const name = texts.map((column) => column.values[at]).join('\u0001');
      keys.set(name, (keys.get(name) ?? 0) + 1);
      return `${name}\u0001${keys.get(name)}`;
    };
    const lines = (this.#all ? places : places.slice(0, FIRST_ROWS)).map((at) => make('tr', { role: 'row', 'data-key': key(at) },
      this.columns.map((column) => this.#cell(column, at, frame, value))));
    const hidden = places.length - lines.length;
    patch(this.body,
      count > SEARCHED ? make('div', { class: 'sieve' },
        make('input', { type: 'search', value: this.#search, placeholder: `Search ${count} rows`, 'aria-label': `Search in ${this.panel.title}`,
          input: (event) => { this.#search = event.target.value; this.#render(); } })) : null,
      make('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': `${this.panel.title}: table` },
        make('table', { role: 'table', 'aria-label': this.panel.title, class: this.#shape(lines.length), style: { '--columns': this.columns.length } },
          make('thead', { role: 'rowgroup' }, make('tr', { role: 'row' }, this.columns.map((column) => this.#head(column, value)))),
          make('tbody', { role: 'rowgroup' }, lines)),
        places.length ? null : make('p', { class: 'none-found' }, `No row has "${this.#search}".`),
        hidden > 0 ? make('button', { type: 'button', class: 'more', click: () => { this.#all = true; this.#render(); } }, `Show ${hidden} more`) : null));
    this.#stick();
  }

  #shape(count) {
    const wide = this.columns.length > WIDE ? 'wide' : '';
    return `${wide} ${count === 2 && this.columns.length >= PAIR ? 'pair' : ''}`.trim() || null;
  }

  /** The value column stays in sight beside the first one, whose width it must know. */
  #stick() {
    const table = this.body.querySelector('table');
    const first = table?.querySelector('thead th');
    if (first) table.style.setProperty('--first', `${first.offsetWidth}px`);
  }
}

function kind(column, value) {
  const side = own(column).custom.align;
  return [column.number || side === 'right' ? 'number' : '', column === value ? 'value' : ''].join(' ').trim() || null;
}
