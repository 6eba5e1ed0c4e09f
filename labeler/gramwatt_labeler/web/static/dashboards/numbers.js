// Stat, gauge, bar gauge and text panels.

import { faded, named, step } from './colours.js';
import { make } from './elements.js';
import { mapped, settings } from './fields.js';
import * as format from './format.js';

const SVG = 'http://www.w3.org/2000/svg';

function shown(value, field) {
  const mapping = mapped(field.mappings, value);
  return mapping ? [mapping.text, ''] : format.parts(value, field.unit, field.decimals);
}

/** A line without axes behind a number. */
function sparkline(values, colour) {
  const known = values.filter((value) => value !== null);
  const high = Math.max(...known);
  const low = Math.min(...known, 0);
  const span = high - low || 1;
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('viewBox', '0 0 100 30');
  picture.setAttribute('preserveAspectRatio', 'none');
  picture.setAttribute('class', 'spark');
  picture.setAttribute('aria-hidden', 'true');
  let path = '';
  let pen = 'M';
  values.forEach((value, index) => {
    if (value === null) { pen = 'M'; return; }
    const x = (100 * index) / Math.max(values.length - 1, 1);
    path += `${pen}${x.toFixed(2)} ${(29 - (27 * (value - low)) / span).toFixed(2)}`;
    pen = 'L';
  });
  const line = document.createElementNS(SVG, 'path');
  line.setAttribute('d', path);
  line.setAttribute('vector-effect', 'non-scaling-stroke');
  line.style.stroke = colour;
  picture.append(line);
  return picture;
}

export function stat(body, panel, series) {
  const graph = panel.options?.graphMode === 'area';
  const several = series.length > 1;
  body.replaceChildren(make('div', { class: several ? 'stats several' : 'stats' }, series.map((one) => {
    const field = settings(panel, one.name);
    const [number, unit] = shown(one.value, field);
    const name = step(field.thresholds, one.value);
    const colour = name === 'text' ? null : named(name);
    const big = make('p', { class: 'big' }, number, unit ? make('small', {}, ` ${unit}`) : null);
    if (colour) big.style.color = colour;
    return make('div', { class: 'stat' },
      several ? make('p', { class: 'name' }, one.name) : null, big,
      one.late ? make('p', { class: 'late' }, `as of ${format.date(one.late * 1000)}`) : null,
      graph && one.values?.length > 1 ? sparkline(one.values, colour ?? named('blue')) : null);
  })));
}

/** Bars, and the gauges that say the same round. */
export function bars(body, panel, series) {
  const sorted = [...series].sort((a, b) => b.value - a.value);
  const top = Math.max(...sorted.map((one) => one.value), 0);
  body.replaceChildren(make('ul', { class: 'bars', 'aria-label': panel.title }, sorted.map((one) => {
    const field = settings(panel, one.name);
    const most = field.max ?? (top > 0 ? top : 1);
    const least = field.min ?? 0;
    const share = Math.min(Math.max((one.value - least) / (most - least || 1), 0), 1);
    const bar = make('span', { class: 'fill' });
    bar.style.width = `${(100 * share).toFixed(2)}%`;
    bar.style.background = named(step(field.thresholds, one.value));
    const [number, unit] = shown(one.value, field);
    return make('li', {}, make('span', { class: 'name', title: one.name }, one.name),
      make('span', { class: 'value' }, unit ? `${number} ${unit}` : number),
      make('span', { class: 'track', 'aria-hidden': 'true' }, bar));
  })));
}

/** An arc for each series. */
export function gauge(body, panel, series) {
  body.replaceChildren(make('div', { class: 'gauges' }, series.map((one) => {
    const field = settings(panel, one.name);
    const most = field.max ?? 100;
    const least = field.min ?? 0;
    const share = Math.min(Math.max((one.value - least) / (most - least || 1), 0), 1);
    const colour = named(step(field.thresholds, one.value));
    const picture = document.createElementNS(SVG, 'svg');
    picture.setAttribute('viewBox', '0 0 120 66');
    picture.setAttribute('aria-hidden', 'true');
    for (const [part, paint] of [[1, faded(named('text'), 25)], [share, colour]]) {
      const arc = document.createElementNS(SVG, 'path');
      arc.setAttribute('d', 'M10 60A50 50 0 0 1 110 60');
      arc.setAttribute('pathLength', '100');
      arc.setAttribute('stroke-dasharray', `${100 * part} 101`);
      arc.style.stroke = paint;
      picture.append(arc);
    }
    const [number, unit] = shown(one.value, field);
    return make('figure', { class: 'gauge' }, picture, make('figcaption', {},
      make('strong', {}, unit ? `${number} ${unit}` : number), series.length > 1 ? make('span', {}, one.name) : null));
  })));
}

/** Markdown's paragraphs, lists, links, code and bold; everything else stays text. */
export function prose(body, panel) {
  const inline = (text) => text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)\s]+\))/).map((piece) => {
    if (/^`.+`$/.test(piece)) return make('code', {}, piece.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(piece)) return make('strong', {}, piece.slice(2, -2));
    const link = /^\[([^\]]+)\]\(((?:https?:\/\/|\/|\.)[^)\s]*)\)$/.exec(piece);
    return link ? make('a', { href: link[2], rel: 'noreferrer' }, link[1]) : piece;
  });
  const blocks = (panel.options?.content ?? '').trim().split(/\n{2,}/).map((block) => {
    const heading = /^(#{1,4}) (.+)$/.exec(block);
    if (heading) return make('h4', {}, inline(heading[2]));
    const lines = block.split('\n');
    if (lines.every((line) => /^[-*] /.test(line))) return make('ul', {}, lines.map((line) => make('li', {}, inline(line.slice(2)))));
    return make('p', {}, inline(lines.join(' ')));
  });
  body.replaceChildren(make('div', { class: 'prose' }, blocks));
}
