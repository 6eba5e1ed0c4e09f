// The choices above the panels: machines, time range, refresh.

import { make } from './elements.js';
import { date } from './format.js';
import { ALL } from './scope.js';

const RANGES = [
  ['5m', '5 minutes'], ['15m', '15 minutes'], ['1h', '1 hour'], ['3h', '3 hours'], ['6h', '6 hours'], ['24h', '24 hours'],
  ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days'], ['365d', '1 year'],
];
const REFRESHES = ['5s', '10s', '30s', '1m', '5m'];

function option(value, text, chosen) {
  return make('option', { value, selected: value === chosen }, text);
}

function variable(one, changed) {
  const only = one.chosen.includes(ALL) ? 'All' : one.chosen.length > 2 ? `${one.chosen.length} chosen` : one.chosen.join(', ');
  const values = [...new Set([...one.values, ...one.chosen.filter((value) => value !== ALL)])];
  const box = (value, text) => make('label', {}, make('input', {
    type: 'checkbox', value, checked: one.chosen.includes(value),
    change: (event) => {
      const rest = one.chosen.filter((other) => other !== value && other !== ALL);
      if (event.target.checked) one.chosen = value === ALL ? [ALL] : [...rest, value];
      else one.chosen = rest.length ? rest : [ALL];
      changed(one);
    },
  }), text);
  return make('details', { class: 'choice', 'data-variable': one.name }, make('summary', {}, make('small', {}, one.label || one.name), make('span', {}, only)),
    make('div', { class: 'menu', role: 'group', 'aria-label': one.label || one.name }, box(ALL, 'All'), values.map((value) => box(value, value)),
      values.length ? null : make('p', { class: 'wait' }, 'Nothing to choose from yet.')));
}

/** Draw the controls into `form`; `changed` is called after every change. */
export function draw(form, scope, { changed, again }) {
  const open = form.querySelector('details[open]')?.dataset.variable;
  const preset = scope.to === 'now' && RANGES.find(([length]) => scope.from === `now-${length}`);
  const range = make('select', {
    id: 'range', change: (event) => { [scope.from, scope.to] = [`now-${event.target.value}`, 'now']; changed(); },
  }, preset ? null : option('', scope.to === 'now' ? scope.from : `${date(scope.start * 1000)} to ${date(scope.end * 1000)}`, ''),
  RANGES.map(([length, text]) => option(length, `Last ${text}`, preset?.[0])));
  const refresh = make('select', { id: 'refresh', change: (event) => { scope.refresh = event.target.value; changed(); } },
    option('', 'Not by itself', scope.refresh), [...new Set([...REFRESHES, scope.refresh])].filter(Boolean).map((text) => option(text, `Every ${text}`, scope.refresh)));
  form.replaceChildren(
    ...scope.variables.map((one) => variable(one, () => changed(true))),
    make('div', { class: 'field' }, make('label', { for: 'range' }, 'Time'), range),
    make('div', { class: 'field' }, make('label', { for: 'refresh' }, 'Refresh'), refresh),
    make('button', { type: 'button', click: again, title: 'Ask again now' }, 'Refresh'));
  if (open) form.querySelector(`details[data-variable="${CSS.escape(open)}"]`)?.setAttribute('open', '');
}
