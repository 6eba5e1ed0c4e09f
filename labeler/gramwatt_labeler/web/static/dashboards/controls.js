// The choices above the panels: variables, annotations, time range, refresh.

import { listed } from './annotations.js';
import { make, patch } from './elements.js';
import { link } from './links.js';
import { close, menu, search } from './menu.js';
import { picker } from './picker.js';
import { ALL } from './variables.js';

const REFRESHES = ['5s', '10s', '30s', '1m', '5m'];
const FOLDED = 2; // choices beyond which a phone folds them
const SEARCHED = 8; // choices from which a menu has a field to search in

function several(one, changed) {
  const box = (value, text) => make('label', { class: 'option', 'data-key': value }, make('input', {
    type: 'checkbox', value, checked: one.chosen.includes(value),
    change: (event) => {
      const rest = one.chosen.filter((other) => other !== value && other !== ALL);
      if (event.target.checked) one.chosen = value === ALL ? [ALL] : [...rest, value];
      else one.chosen = rest.length || !one.all ? rest : [ALL];
      changed();
    },
  }), make('span', {}, text));
  return [one.all ? box(ALL, 'All') : null, one.options.map(({ value, text }) => box(value, text))];
}

/** One is chosen: its menu would hide what that shows. */
function chosen(of) {
  if (!of) return;
  close(of);
  of.querySelector('summary').focus();
}

function single(one, changed) {
  return [...(one.all ? [{ value: ALL, text: 'All' }] : []), ...one.options].map(({ value, text }) => make('label', { class: 'option', 'data-key': value }, make('input', {
    type: 'radio', name: one.name, value, checked: one.chosen.includes(value), change: (event) => { [one.chosen, one.asked] = [[value], true]; chosen(event.target.closest('details')); changed(); },
  }), make('span', {}, text)));
}

function variable(one, changed) {
  if (one.kind === 'textbox') {
    const id = `variable-${one.name}`;
    return make('div', { class: 'field', 'data-key': one.name }, make('label', { for: id }, one.label),
      make('input', { id, type: 'text', value: one.chosen[0] ?? '', change: (event) => { one.chosen = [event.target.value]; changed(); } }));
  }
  const known = one.chosen.filter((value) => value !== ALL && !one.options.some((other) => other.value === value));
  if (known.length) one.options = [...one.options, ...known.map((value) => ({ value, text: value }))];
  const shown = one.chosen.length > 2 ? `${one.chosen.length} chosen` : one.text;
  return menu(one.name, one.label, shown || 'None', [
    one.options.length > SEARCHED ? search(one.label) : null,
    make('div', { class: 'options' }, one.multi ? several(one, changed) : single(one, changed)),
    one.options.length ? null : make('p', { class: 'help' }, 'Nothing to choose from yet.')]);
}

function marks(dashboard, scope, changed) {
  const list = listed(dashboard).filter((one) => one.enable !== false && !one.hide);
  if (!list.length) return null;
  const on = list.filter((one) => !scope.annotations.has(one.name)).length;
  return menu('annotations', 'Marks', on === list.length ? 'All' : on ? `${on} of ${list.length}` : 'None', make('div', { class: 'options' }, list.map(({ name }) => make('label', { class: 'option' }, make('input', {
    type: 'checkbox', checked: !scope.annotations.has(name), change: () => { if (!scope.annotations.delete(name)) scope.annotations.add(name); changed(); },
  }), make('span', {}, name)))));
}

function refreshing(scope, changed) {
  const option = (value, text) => make('option', { value, selected: value === scope.refresh }, text);
  return make('div', { class: 'field', 'data-key': 'refresh' }, make('label', { for: 'refresh' }, 'Refresh'),
    make('select', { id: 'refresh', change: (event) => { scope.refresh = event.target.value; changed(); } },
      option('', 'Not by itself'), [...new Set([...REFRESHES, scope.refresh])].filter(Boolean).map((text) => option(text, `Every ${text}`))));
}

/** Links of the dashboard other than to its siblings, which the bar above has. */
function links(dashboard, scope) {
  return (dashboard.links ?? []).filter((one) => one.type === 'link' && one.url).map((one) => link(one, scope)).filter(Boolean)
    .map((one) => make('a', { class: 'onward', href: one.href }, one.title));
}

/** Bring the controls in `form` up to date; `changed` is called after every change, `again` by the button. */
export function draw(form, dashboard, scope, { changed, again }) {
  const choices = [...scope.variables.filter((one) => !one.hidden).map((one) => variable(one, changed)), marks(dashboard, scope, changed)].filter(Boolean);
  // On a phone many choices would fill the first screen: they fold behind a button (small.css).
  const folded = choices.length > FOLDED && !form.classList.contains('unfolded');
  const toggle = () => {
    form.classList.toggle('unfolded');
    draw(form, dashboard, scope, { changed, again });
  };
  patch(form,
    links(dashboard, scope),
    choices.length > FOLDED ? make('button', { type: 'button', class: 'unfold', 'aria-expanded': String(!folded), click: toggle }, `${choices.length} choices`) : null,
    choices.map((one) => { one.classList.toggle('folds', folded); return one; }),
    picker(scope, changed),
    refreshing(scope, changed),
    make('button', { type: 'button', class: 'again', click: again, title: 'Ask again now' }, 'Refresh'));
}
