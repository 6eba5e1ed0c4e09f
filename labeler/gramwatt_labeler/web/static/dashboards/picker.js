// The choice of the time range: the usual ones, or from and to in Grafana's words or as dates.

import { make } from './elements.js';
import { date } from './format.js';
import { menu, search } from './menu.js';
import { moment, name, RANGES } from './time.js';

const local = (seconds) => date(seconds * 1000).slice(0, 16).replace(' ', 'T');

function field(id, label, said, at) {
  const enter = (event) => { if (event.key === 'Enter') event.target.closest('.card').querySelector('.apply').click(); };
  const text = make('input', { id, type: 'text', value: said, keydown: enter, autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'range-help' });
  const calendar = make('input', { type: 'datetime-local', value: local(at), 'aria-label': `${label} as a date`, change: (event) => { if (event.target.value) text.value = event.target.value.replace('T', ' '); } });
  return make('div', { class: 'span' }, make('label', { for: id }, label), text, calendar);
}

/** What a person typed, as the address keeps it; null for no moment. */
function read(text, up) {
  const at = moment(text, Date.now() / 1000, up);
  if (at === null) return null;
  return text.trim().startsWith('now') ? text.trim().replace(/\s+/g, '') : String(Math.round(at * 1000));
}

/** `changed` is called after the scope has its new range. */
export function picker(scope, changed) {
  const written = (text, at) => (text.startsWith('now') ? text : date(at * 1000));
  const shut = (event) => { event.target.closest('details').open = false; };
  const choose = (event, from, to) => {
    [scope.from, scope.to] = [from, to];
    shut(event);
    changed();
  };
  const problem = make('p', { class: 'problem', role: 'alert', hidden: true });
  const apply = (event) => {
    const card = event.target.closest('.card');
    const from = read(card.querySelector('#from').value, false);
    const to = read(card.querySelector('#to').value, true);
    const now = Date.now() / 1000;
    const wrong = !from ? 'From is no time' : !to ? 'To is no time' : moment(from, now) >= moment(to, now, true) ? 'From must be before To' : '';
    const shown = card.querySelector('.problem');
    shown.textContent = wrong && `${wrong}. Write now-6h, now/d or 2026-03-01 14:00.`;
    shown.hidden = !wrong;
    if (!wrong) choose(event, from, to);
  };
  const usual = name(scope.from, scope.to) ?? `${date(scope.start * 1000).slice(0, 16)} to ${scope.to === 'now' ? 'now' : date(scope.end * 1000).slice(0, 16)}`;
  return menu('time-range', 'Time', usual, [
    make('div', { class: 'absolute' },
      field('from', 'From', written(scope.from, scope.start), scope.start), field('to', 'To', written(scope.to, scope.end), scope.end),
      make('p', { class: 'help', id: 'range-help' }, 'now-6h, now/d (today), now-1M/M (last month), or a date'), problem,
      make('button', { type: 'button', class: 'apply', click: apply }, 'Show this range')),
    search('Time'),
    make('div', { class: 'options' }, RANGES.map(([from, to, text]) => make('button', {
      type: 'button', class: 'option', 'aria-pressed': String(scope.from === from && scope.to === to), click: (event) => choose(event, from, to),
    }, text))),
  ], { id: 'range' });
}
