// Stat, gauge, bar gauge and pie panels.

import { faded, named, nth, step } from './colours.js';
import { draw, make } from './elements.js';
import { mapped } from './fields.js';
import * as format from './format.js';
import { link } from './links.js';

/** [number, unit] as texts, and the colour of a mapping. */
function shown(one) {
  const mapping = mapped(one.field.mappings, one.value);
  if (mapping?.text !== undefined) return [mapping.text, '', mapping.color];
  if (typeof one.value !== 'number') return [String(one.value), '', mapping?.color];
  return [...format.parts(one.value, one.field.unit, one.field.decimals), mapping?.color];
}

const said = ([number, unit]) => (unit ? (unit === '%' ? `${number} %` : `${number} ${unit}`) : number);

function colour(one, mapping) {
  if (mapping) return named(mapping);
  if (one.field.colour && one.field.mode === 'fixed') return named(one.field.colour);
  const name = typeof one.value === 'number' ? step(one.field.thresholds, one.value, one.field.min, one.field.max) : 'text';
  return name === 'text' ? null : named(name);
}

/** The name, as a link where the field has one. */
function label(one, scope, tag = 'span', attributes = {}) {
  const target = one.field.links?.[0] && link(one.field.links[0], scope, { ...one, text: one.name });
  return make(tag, attributes, target ? make('a', { href: target.href, title: target.title }, one.name) : one.name);
}

const STEADY = 0.03; // change below which a curve is drawn from zero, as a flat line

/** A line without axes behind a number; from zero on, or where it is not, from its least value. */
export function sparkline(values, tint, attributes = {}, zero = true) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const [high, least] = [Math.max(...known), Math.min(...known)];
  const low = zero || high - least < STEADY * Math.abs(high) ? Math.min(least, 0) : least;
  const span = high - low || 1;
  let path = '';
  let pen = 'M';
  values.forEach((value, index) => {
    if (value === null || value === undefined) { pen = 'M'; return; }
    path += `${pen}${((100 * index) / Math.max(values.length - 1, 1)).toFixed(1)} ${(29 - (27 * (value - low)) / span).toFixed(1)}`;
    pen = 'L';
  });
  return draw('svg', { viewBox: '0 0 100 30', preserveAspectRatio: 'none', class: 'spark', 'aria-hidden': 'true', ...attributes },
    draw('path', { d: path, 'vector-effect': 'non-scaling-stroke', style: { stroke: tint } }));
}

export function stat(found, panel, scope) {
  const { graphMode, textMode = 'auto', colorMode = 'value' } = panel.options ?? {};
  const several = found.length > 1;
  const names = textMode === 'value_and_name' || textMode === 'name' || (textMode === 'auto' && several);
  return make('div', { class: several ? 'stats several' : 'stats' }, found.map((one) => {
    const [number, unit, mapping] = shown(one);
    const tint = colour(one, mapping);
    const solid = colorMode.startsWith('background') && tint;
    const big = textMode === 'name' ? label(one, scope, 'p', { class: 'big words' })
      : textMode === 'none' ? null
        : make('p', { class: number.length > 14 ? 'big words' : several && number.length > 6 ? 'big long' : 'big', style: tint && !solid && colorMode !== 'none' ? { color: tint } : {} }, number, unit ? make('small', {}, ` ${unit}`) : null);
    const target = !names && one.field.links?.[0] && link(one.field.links[0], scope, { ...one, text: number });
    return make('div', { class: solid ? 'stat solid' : 'stat', style: solid ? { '--own': tint } : {} },
      names && textMode === 'auto' ? label(one, scope, 'p', { class: 'name' }) : null,
      target ? make('a', { class: 'whole', href: target.href, title: target.title }, big) : big,
      textMode === 'value_and_name' ? label(one, scope, 'p', { class: 'name' }) : null, // the number, then what it means
      one.late ? make('p', { class: 'late' }, `as of ${format.clock(one.late * 1000)}`) : null,
      graphMode === 'area' && one.values?.length > 1 ? sparkline(one.values, tint ?? named('blue')) : null);
  }));
}

const share = (one, least, most) => Math.min(Math.max((one.value - least) / (most - least || 1), 0), 1);

/** Bars, longest first. */
export function bars(found, panel, scope) {
  const sorted = found.filter((one) => typeof one.value === 'number').sort((a, b) => b.value - a.value);
  const top = Math.max(...sorted.map((one) => one.value), 0);
  return make('ul', { class: 'bars', 'aria-label': panel.title }, sorted.map((one) => {
    const most = one.field.max ?? (top > 0 ? top : 1);
    const texts = shown(one);
    const tint = colour(one, texts[2]) ?? named(one.field.colour ?? 'text');
    return make('li', {}, label(one, scope, 'span', { class: 'name', title: one.name }), make('span', { class: 'value' }, said(texts)),
      make('span', { class: 'track', 'aria-hidden': 'true' }, make('span', { class: 'fill', style: { width: `${(100 * share(one, one.field.min ?? 0, most)).toFixed(2)}%`, background: tint } })));
  }));
}

/** Parts of a whole as bars: a circle says less and needs more room. */
export function pie(found, panel, scope) {
  const whole = found.reduce((sum, one) => sum + Math.max(one.value, 0), 0) || 1;
  const sorted = [...found].sort((a, b) => b.value - a.value);
  return make('ul', { class: 'bars', 'aria-label': panel.title }, sorted.map((one, place) => make('li', {},
    label(one, scope, 'span', { class: 'name', title: one.name }), make('span', { class: 'value' }, `${said(shown(one))} (${Math.round((100 * one.value) / whole)} %)`),
    make('span', { class: 'track', 'aria-hidden': 'true' },
      make('span', { class: 'fill', style: { width: `${((100 * Math.max(one.value, 0)) / whole).toFixed(2)}%`, background: one.field.colour ? named(one.field.colour) : nth(place) } })))));
}

/** An arc for each series. */
export function gauge(found) {
  return make('div', { class: 'gauges' }, found.filter((one) => typeof one.value === 'number').map((one) => {
    const [least, most] = [one.field.min ?? 0, one.field.max ?? 100];
    const texts = shown(one);
    const arcs = [[1, faded(named('text'), 25)], [share(one, least, most), colour(one, texts[2]) ?? named('blue')]];
    return make('figure', { class: 'gauge' },
      draw('svg', { viewBox: '0 0 120 66', 'aria-hidden': 'true' }, arcs.map(([part, paint]) => draw('path', {
        d: 'M10 60A50 50 0 0 1 110 60', pathLength: '100', 'stroke-dasharray': `${100 * part} 101`, style: { stroke: paint },
      }))),
      make('figcaption', {}, make('strong', {}, said(texts)), found.length > 1 ? make('span', {}, one.name) : null));
  }));
}
