// Loads the dashboard's JSON, lays its panels out and keeps them fresh.

import * as controls from './controls.js';
import { make } from './elements.js';
import { date } from './format.js';
import { Panel } from './panel.js';
import { Scope, seconds } from './scope.js';

const root = document.getElementById('dashboard');
const banner = document.getElementById('banner');
const form = document.getElementById('controls');
const status = document.getElementById('status');

let scope;
let panels = [];
let round = 0;
let timer = null;

function down(message) {
  banner.hidden = !message;
  if (message) banner.textContent = `${message}. What is shown may be old; asking again ${scope.refresh ? `every ${scope.refresh}` : 'when you press Refresh'}.`;
}

/** Only panels in sight are asked; the others follow when they come into sight. */
const sight = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const panel = panels.find((one) => one.element === entry.target);
    if (!panel) continue;
    panel.visible = entry.isIntersecting;
    if (panel.visible && panel.asked !== round) ask(panel);
  }
}, { rootMargin: '200px' });

function ask(panel) {
  panel.asked = round;
  return panel.refresh();
}

async function refresh() {
  clearTimeout(timer);
  round += 1;
  scope.settle();
  const mine = round;
  root.setAttribute('aria-busy', 'true');
  status.textContent = `${date(scope.start * 1000)} to ${date(scope.end * 1000)}`;
  await Promise.all(panels.filter((one) => one.visible).map(ask));
  if (mine !== round) return; // a newer round has begun
  root.removeAttribute('aria-busy');
  schedule();
}

function schedule() {
  clearTimeout(timer);
  const wait = seconds(scope.refresh);
  // A hidden page asks nothing; it catches up when it is shown again.
  if (wait && !document.hidden) timer = setTimeout(refresh, wait * 1000);
}

async function variables() {
  try {
    await scope.loadVariables();
  } catch (error) {
    down(error.message);
  }
  controls.draw(form, scope, { changed, again: changed });
}

async function changed() {
  root.setAttribute('aria-busy', 'true');
  scope.settle();
  history.replaceState(null, '', scope.address());
  link();
  await variables();
  await refresh();
}

/** Links to the other dashboards keep the time range and the variables. */
function link() {
  for (const one of document.querySelectorAll('a[data-board]')) one.search = scope.address();
}

function zoom(from, to) {
  [scope.from, scope.to] = [String(Math.round(from * 1000)), String(Math.round(to * 1000))];
  changed();
}

/** Rows of the dashboard become foldable groups; panels before the first row stand alone. */
function layOut(list) {
  let grid = make('div', { class: 'grid' });
  let top = null; // of the group, in the dashboard's grid
  const groups = [grid];
  const add = (one) => {
    const panel = new Panel(one, scope, { zoom, down });
    panels.push(panel);
    const { x, y, w, h } = one.gridPos;
    top ??= y;
    for (const [name, value] of Object.entries({ x: x + 1, y: y - top + 1, w, h })) panel.element.style.setProperty(`--${name}`, value);
    grid.append(panel.element);
  };
  for (const one of list) {
    if (one.type !== 'row') {
      add(one);
      continue;
    }
    grid = make('div', { class: 'grid' });
    top = null;
    groups.push(make('details', { class: 'row', open: !one.collapsed }, make('summary', {}, make('h2', {}, one.title)), grid));
    for (const inner of one.panels ?? []) add(inner);
  }
  root.replaceChildren(...groups.filter((group) => group.childElementCount));
  for (const panel of panels) sight.observe(panel.element);
}

async function start() {
  const { uid } = document.body.dataset;
  const answer = await fetch(`${uid}.json`).catch(() => null);
  if (!answer?.ok) {
    root.replaceChildren(make('p', { class: 'banner' }, 'The dashboard cannot be loaded from the labeler.'));
    return;
  }
  const dashboard = await answer.json();
  scope = new Scope(dashboard);
  controls.draw(form, scope, { changed, again: changed });
  layOut(dashboard.panels);
  link();
  await variables();
  await refresh();
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const panel of panels) panel.chart?.repaint();
    refresh();
  });
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('.choice[open], .about[open]')) if (!menu.contains(event.target)) menu.open = false;
  });
}

start();
