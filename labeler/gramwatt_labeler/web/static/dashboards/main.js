// Loads the dashboard's JSON, lays its panels out and keeps them fresh.

import { happened } from './annotations.js';
import * as controls from './controls.js';
import { make } from './elements.js';
import { date } from './format.js';
import { groups, laidOut } from './layout.js';
import { watch } from './menu.js';
import { Panel } from './panel.js';
import { Scope } from './scope.js';
import { seconds } from './time.js';

document.querySelector('.boards [aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' });
const root = document.getElementById('dashboard');
const banner = document.getElementById('banner');
const form = document.getElementById('controls');
const status = document.getElementById('status');

let dashboard;
let scope;
let panels = [];
let shape = ''; // of the layout: which panels repeat for what
let round = 0; // of queries
let turn = 0; // asked for a round
let timer = null;
let marks = null; // what happened, asked once a round by the first chart that wants to know

function down(message) {
  banner.hidden = !message;
  if (message) banner.textContent = `${message}. What is shown may be old; asking again ${scope.refresh ? `every ${scope.refresh}` : 'when you press Refresh'}.`;
}

/** Only panels in sight are asked; the others follow when they come into sight, or nearly so. */
const seen = (entries) => {
  for (const entry of entries) {
    const panel = panels.find((one) => one.element === entry.target);
    if (!panel) continue;
    panel.visible = entry.isIntersecting;
    if (panel.visible && panel.asked !== round) ask(panel);
  }
};
let sight = new IntersectionObserver(seen); // at first just what is seen; later what is near, too

function ask(panel) {
  if (!round) return null; // the variables are not known yet
  panel.asked = round;
  return panel.refresh();
}

/** One round of all panels in sight. `known`: the variables have just been asked for. */
async function refresh({ known = false } = {}) {
  clearTimeout(timer);
  turn += 1;
  const mine = turn;
  scope.settle();
  root.setAttribute('aria-busy', 'true');
  if (!known) await scope.renew();
  if (mine !== turn) return; // a newer round has begun
  round += 1;
  marks = null;
  status.textContent = `${date(scope.start * 1000)} to ${date(scope.end * 1000)}, scraped every ${Math.round(scope.scrape * 10) / 10} s`;
  await Promise.all(panels.filter((one) => one.visible).map(ask));
  if (mine !== turn) return;
  root.removeAttribute('aria-busy');
  schedule();
  if (round === 1) lookAhead();
  offer();
}

function lookAhead() {
  sight.disconnect();
  sight = new IntersectionObserver(seen, { rootMargin: '200px' });
  for (const panel of panels) sight.observe(panel.element);
}

function schedule() {
  clearTimeout(timer);
  const wait = seconds(scope.refresh);
  // A hidden page asks nothing; it catches up when it is shown again.
  if (wait && !document.hidden) timer = setTimeout(refresh, wait * 1000);
}

const repeats = () => new Set(dashboard.panels.flatMap((one) => [one, ...(one.panels ?? [])]).map((one) => one.repeat).filter(Boolean));

/** What menus offer, after what is seen first. */
async function offer() {
  await scope.offer().catch(() => null);
  controls.draw(form, dashboard, scope, { changed, again: changed });
}

async function load() {
  try {
    await scope.load(repeats());
  } catch (error) {
    down(error.message);
  }
  controls.draw(form, dashboard, scope, { changed, again: changed });
  layOut();
}

async function changed() {
  root.setAttribute('aria-busy', 'true');
  scope.settle();
  history.replaceState(null, '', scope.address());
  link();
  await load();
  await refresh({ known: true });
}

/** Links to the other dashboards keep a time range that was chosen, and the variables. */
function link() {
  for (const one of document.querySelectorAll('a[data-board]')) one.search = scope.carried();
}

function zoom(from, to) {
  [scope.from, scope.to] = [String(Math.round(from * 1000)), String(Math.round(to * 1000))];
  changed();
}

const events = () => (marks ??= happened(dashboard, scope));

/** New panels only when a variable that something repeats for has changed. */
function layOut() {
  const found = groups(dashboard.panels, scope);
  const now = JSON.stringify(found.map((group) => [group.title, group.panels.map((one) => [one.id, one.scopedVars])]));
  if (now === shape) return;
  shape = now;
  sight.disconnect();
  panels = [];
  root.replaceChildren(...laidOut(found, (one) => {
    const panel = new Panel(one, scope, { zoom, down, events });
    panels.push(panel);
    return panel.element;
  }));
  const { innerHeight } = window;
  for (const panel of panels) {
    const { top, bottom, width } = panel.element.getBoundingClientRect();
    panel.visible = width > 0 && bottom > 0 && top < innerHeight;
    sight.observe(panel.element);
  }
}

function follow() {
  form.addEventListener('submit', (event) => event.preventDefault()); // Enter in its only field would leave the page
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  const repaint = () => panels.forEach((panel) => panel.repaint());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    repaint();
    refresh();
  });
  // Paper is white whatever the screen is.
  for (const [event, on] of [['beforeprint', true], ['afterprint', false]]) {
    window.addEventListener(event, () => {
      document.documentElement.classList.toggle('paper', on);
      repaint();
    });
  }
}

async function start() {
  const { uid, home = './' } = document.body.dataset;
  const answer = await fetch(new URL(`${home}${uid}.json`, document.baseURI)).catch(() => null);
  if (!answer?.ok) {
    root.replaceChildren(make('p', { class: 'banner' }, 'The dashboard cannot be loaded from the labeler.'));
    return;
  }
  dashboard = await answer.json();
  scope = new Scope(dashboard);
  watch();
  controls.draw(form, dashboard, scope, { changed, again: changed });
  link();
  if (scope.unknown.length) root.before(make('p', { class: 'note' }, `Only Grafana knows: ${scope.unknown.join(', ')}.`));
  await load();
  follow();
  await refresh({ known: true });
}

start();
