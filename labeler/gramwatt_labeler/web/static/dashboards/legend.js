// The legend below a chart is a table, so that the numbers are there without the picture.

import { make } from './elements.js';
import * as format from './format.js';
import { reducer, TITLES } from './reduce.js';

const USUAL = ['lastNotNull', 'mean', 'max'];

/** `toggle(name)` hides or shows a series; `hidden` holds the names of those that are. */
export function legend(panel, series, hidden, toggle) {
  const said = panel.options?.legend ?? {};
  if (said.showLegend === false || said.displayMode === 'hidden') return null;
  const calcs = said.calcs?.length ? said.calcs.filter(reducer) : said.displayMode === 'list' ? [] : USUAL;
  const lines = series.map((one) => {
    const on = !hidden.has(one.name);
    return make('tr', { class: on ? null : 'off', 'data-key': one.name },
      make('th', { scope: 'row' }, make('button', { type: 'button', click: () => toggle(one.name), 'aria-pressed': String(on), title: `Hide or show ${one.name}` },
        make('i', { class: 'dot', style: { background: one.colour } }), make('span', {}, one.name))),
      calcs.map((name) => make('td', { class: 'number' }, format.text(reducer(name)(one.values), one.field.unit, one.field.decimals))));
  });
  return make('div', { class: 'legend', tabindex: '0', role: 'group', 'aria-label': `${panel.title}: values` },
    make('table', {},
      make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, make('span', { class: 'hidden' }, 'Series')),
        calcs.map((name) => make('th', { scope: 'col', class: 'number' }, TITLES[name] ?? name)))),
      make('tbody', {}, lines)));
}
