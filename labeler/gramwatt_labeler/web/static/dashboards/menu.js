// Menus: a button that opens a card. Escape and a click elsewhere close it; arrow keys walk through its choices.

import { make } from './elements.js';

const MENUS = '.choice, .about, .take';

/** A menu with a name above, what is chosen inside, and `content` in its card. */
export function menu(name, label, chosen, content, attributes = {}) {
  return make('details', { class: 'choice', 'data-key': name, 'data-variable': name, ...attributes },
    make('summary', {}, make('small', {}, label), make('span', {}, chosen)),
    make('div', { class: 'card', role: 'group', 'aria-label': label }, content));
}

function sift(card, text) {
  const wanted = text.trim().toLowerCase();
  for (const one of card.querySelectorAll('.option')) one.hidden = Boolean(wanted) && !one.textContent.toLowerCase().includes(wanted);
}

/** A field that leaves only the choices with its text. */
export function search(label) {
  return make('input', { type: 'search', class: 'find', placeholder: 'Search', 'aria-label': `Search in ${label}`, input: (event) => sift(event.target.closest('.card'), event.target.value) });
}

/** Closed as by a click elsewhere. */
export function close(one) {
  one.open = false;
  const field = one.querySelector('input.find');
  if (field?.value) {
    field.value = '';
    sift(one, '');
  }
}

function walk(event, card) {
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  if (!(event.key in steps) || event.target.matches('input:not([type=checkbox], [type=radio], [type=search])')) return;
  const stops = [...card.querySelectorAll('input, button, a')].filter((one) => one.checkVisibility());
  event.preventDefault();
  stops[Math.min(Math.max(stops.indexOf(document.activeElement) + steps[event.key], 0), stops.length - 1)]?.focus();
}

/** Once for the whole page. */
export function watch() {
  document.addEventListener('click', (event) => {
    for (const one of document.querySelectorAll(`:is(${MENUS})[open]`)) if (!one.contains(event.target)) close(one);
  });
  document.addEventListener('keydown', (event) => {
    const open = event.target.closest?.(`:is(${MENUS})[open]`) ?? document.querySelector(`:is(${MENUS})[open]`);
    if (!open) return;
    if (event.key === 'Escape') {
      close(open);
      open.querySelector('summary').focus();
    } else walk(event, open);
  });
  document.addEventListener('toggle', (event) => {
    const one = event.target;
    if (!one.matches?.(MENUS) || !one.open) return;
    for (const other of document.querySelectorAll(`:is(${MENUS})[open]`)) if (other !== one) close(other);
    // A phone would cover the choices with its keyboard.
    if (!matchMedia('(pointer: coarse)').matches) one.querySelector('.find')?.focus();
  }, true);
}
