/* global uPlot */
// Time series, and curves over another quantity (trend), drawn by uPlot.

import { faded, named, nth } from './colours.js';
import { make, patch } from './elements.js';
import { settings } from './fields.js';
import * as format from './format.js';
import { shown } from './frames.js';
import { legend } from './legend.js';
import { words } from './links.js';
import { Tip } from './tip.js';

const SYNC = 'gramwatt';
const CORNER = 0.2; // share of the range
const SPANS = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400, 604800]; // between the labels of an axis of seconds
const BINARY = Array.from({ length: 60 }, (_, power) => 2 ** power); // between the labels of an axis of bytes
const MANY = 12; // marks from which they are short, so that the curves can be seen

/** Running sums from the first series up; a gap of one series inside the others counts as nothing. */
function stack(values, whole) {
  const below = new Array(values[0]?.length ?? 0).fill(0);
  const sums = below.map((_, index) => values.reduce((sum, one) => sum + (one[index] ?? 0), 0) || 1);
  return values.map((one) => one.map((value, index) => {
    if (value === null && values.every((other) => other[index] === null)) return null;
    below[index] += (value ?? 0) / (whole ? sums[index] : 1);
    return below[index];
  }));
}

/** Series of several queries on one time axis: {times, series}. */
function joined(frames, panel, scope) {
  const found = frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === 'time');
    return time ? frame.fields.filter((field) => field.type === 'number').map((own) => {
      const field = settings(panel, shown(own), { type: 'number', refId: frame.refId, from: own.name });
      return { name: field.displayName ? words(field.displayName, scope, { frame, own }) : shown(own), times: time.values, values: own.values, field };
    }) : [];
  });
  const times = [...new Set(found.flatMap((one) => one.times))].sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const series = found.map((one) => {
    if (one.times.length === times.length) return one;
    const values = new Array(times.length).fill(null);
    one.times.forEach((at, index) => { values[place.get(at)] = one.values[index]; });
    return { ...one, values, sparse: true };
  });
  return { times: times.map((at) => at / 1000), series: series.filter((one) => !one.field.custom.hideFrom?.viz) };
}

/** Series over a field of numbers, in its order, instead of over time. */
function across(frames, name, panel, scope) {
  const [frame] = frames;
  const fields = frame.fields.filter((field) => field.type === 'number');
  const over = fields.find((field) => shown(field) === name) ?? fields[0];
  const places = [...over.values.keys()].filter((at) => typeof over.values[at] === 'number').sort((a, b) => over.values[a] - over.values[b]);
  const series = fields.filter((field) => field !== over).map((own) => {
    const field = settings(panel, shown(own), { type: 'number', refId: frame.refId, from: own.name });
    return { name: field.displayName ? words(field.displayName, scope, { frame, own }) : shown(own), values: places.map((at) => own.values[at]), field };
  });
  return { times: places.map((at) => over.values[at]), series, unit: settings(panel, shown(over)).unit };
}

/** Charts outlive a refresh: a new picture is drawn only when series, theme or width change. */
export class Chart {
  #plot = null;
  #key = '';
  #hidden = new Set();

  constructor(body, panel, scope, zoom) {
    Object.assign(this, { body, panel, scope, zoom, events: [] });
    this.picture = make('div', { class: 'plot', tabindex: '0', role: 'img', 'data-keep': '' });
    this.tip = new Tip(this.picture, { count: () => this.times?.length ?? 0, place: (at) => this.#place(at), describe: (at) => this.#values(at) });
    new ResizeObserver(() => this.#size()).observe(this.picture);
  }

  draw(frames, events = []) {
    const trend = this.panel.type === 'trend';
    const { times, series, unit } = trend ? across(frames, this.panel.options?.xField, this.panel, this.scope) : joined(frames, this.panel, this.scope);
    this.unit = trend ? unit ?? 'none' : null; // of what the curves are over; null: the time of day
    const byName = [...new Set(series.filter((one) => !one.field.colour).map((one) => one.name))].sort();
    this.custom = this.panel.fieldConfig?.defaults?.custom ?? {};
    this.stacking = this.custom.stacking?.mode ?? 'none';
    this.series = series.map((one) => ({ ...one, at: byName.indexOf(one.name) }));
    const range = trend ? [times[0] ?? 0, times.at(-1) ?? 1] : [this.scope.start, Math.max(this.scope.end, times.at(-1) ?? 0)];
    Object.assign(this, { times, events, range });
    this.repaint();
  }

  /** Draw again with what is known, for example in other colours. */
  repaint() {
    if (!this.series) return;
    const used = {};
    const shade = (name) => {
      used[name] = (used[name] ?? 0) + 1;
      return used[name] === 1 ? named(name) : faded(named(name), 100 / used[name]); // two of one name are told apart
    };
    this.series = this.series.map((one) => ({ ...one, colour: one.field.colour ? shade(one.field.colour) : nth(one.at) }));
    this.#render();
  }

  #render() {
    const seen = this.series.filter((one) => !this.#hidden.has(one.name));
    this.seen = seen;
    const stacks = seen.map((one) => (one.field.custom.stacking?.mode ?? this.stacking) !== 'none');
    const piled = stack(seen.filter((_, at) => stacks[at]).map((one) => one.values), this.stacking === 'percent');
    const drawn = seen.map((one, at) => (stacks[at] ? piled.shift() : one.values));
    this.body.classList.toggle('beside', this.panel.options?.legend?.placement === 'right');
    patch(this.body, this.picture, this.#fit(), legend(this.panel, this.series, this.#hidden, (name) => this.#toggle(name)), this.tip.card);
    const key = JSON.stringify([seen.map((one) => [one.name, one.colour]), named('text')]);
    if (key !== this.#key || !this.#plot) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(seen, stacks), [this.times, ...drawn], this.picture);
      this.#key = key;
    } else {
      this.#plot.setData([this.times, ...drawn]);
    }
    this.#describe();
  }

  /** Where the data fills only a corner of a long range, a button goes there. */
  #fit() {
    if (this.unit) return null;
    const known = this.times.filter((_, at) => this.series.some((one) => one.values[at] !== null && one.values[at] !== undefined));
    const [first, last] = [known[0], known.at(-1)];
    const [start, end] = this.range;
    if (!known.length || last - first > CORNER * (end - start)) return null;
    const room = Math.max((last - first) * 0.1, 60);
    return make('button', { type: 'button', class: 'fit', click: () => this.zoom(first - room, last + room) }, 'Zoom to the data');
  }

  #toggle(name) {
    if (!this.#hidden.delete(name)) this.#hidden.add(name);
    this.#render();
  }

  #options(seen, stacks) {
    const axis = { stroke: named('text'), grid: { stroke: faded(named('text'), 18), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const unit = this.stacking === 'percent' ? 'percentunit' : seen[0]?.field.unit ?? this.panel.fieldConfig?.defaults?.unit;
    const bands = [];
    stacks.forEach((yes, at) => {
      const before = stacks.lastIndexOf(true, at - 1);
      if (yes && at > 0 && before >= 0) bands.push({ series: [at + 1, before + 1] });
    });
    seen.forEach((one, at) => {
      const below = seen.findIndex((other) => other.name === one.field.custom.fillBelowTo);
      if (below >= 0) bands.push({ series: [at + 1, below + 1], fill: faded(one.colour, one.field.custom.fillOpacity || 15) });
    });
    return {
      width: this.picture.clientWidth || 300,
      height: this.picture.clientHeight || 180,
      legend: { show: false },
      cursor: { y: false, ...(this.unit ? {} : { sync: { key: SYNC, setSeries: false } }), drag: { x: !this.unit, y: false, setScale: false }, points: { size: 6 } },
      scales: { x: { time: !this.unit, range: () => this.range }, y: { distr: this.custom.scaleDistribution?.type === 'log' ? 3 : 1, range: (_, low, high) => this.#bounds(low, high) } },
      axes: [
        { ...axis, space: 60, size: 26, ...(this.unit ? { incrs: SPANS } : {}), values: (_, ticks, axisIndex, space, gap) => ticks.map((at) => (this.unit === 's' ? format.span(at) : this.unit ? format.text(at, this.unit) : format.tick(at, gap))) },
        { ...axis, size: 64, ...(/^(bytes|binBps)$/.test(unit ?? '') ? { incrs: BINARY } : {}), values: (_, ticks) => ticks.map((at) => (at === null ? '' : format.text(at, unit))) },
      ],
      series: [{}, ...seen.map((one, at) => this.#line(one, at))],
      bands,
      hooks: { setSelect: [(plot) => this.#select(plot)], setCursor: [(plot) => this.#point(plot)], drawClear: [(plot) => this.#ranges(plot)], draw: [(plot) => this.#limits(plot)] },
    };
  }

  #line(one) {
    const { drawStyle, lineWidth = 1, fillOpacity = 0, lineStyle, lineInterpolation, spanNulls, fillBelowTo } = one.field.custom;
    const paths = drawStyle === 'bars' ? uPlot.paths.bars({ size: [0.86, 60], align: -1 }) : lineInterpolation?.startsWith('step') ? uPlot.paths.stepped({ align: lineInterpolation === 'stepBefore' ? -1 : 1 }) : undefined;
    const fill = drawStyle === 'bars' ? Math.max(fillOpacity, 40) : fillBelowTo ? 0 : fillOpacity;
    return {
      label: one.name, stroke: one.colour, width: drawStyle === 'points' ? 0 : lineWidth, spanGaps: Boolean(spanNulls) || one.sparse, paths,
      dash: lineStyle?.fill === 'dash' || lineStyle?.fill === 'dot' ? lineStyle.dash ?? [6, 4] : undefined,
      points: drawStyle === 'points' ? { show: true, size: 5 } : { show: (u, i) => this.#alone(u, i) },
      fill: fill ? faded(one.colour, fill) : undefined,
    };
  }

  /** Points only for samples without neighbours, which no line would show. */
  #alone(plot, index) {
    const values = plot.data[index];
    return values.every((value, at) => value === null || (values[at - 1] ?? null) === null) && values.some((value) => value !== null);
  }

  #bounds(low, high) {
    const { min, max } = this.panel.fieldConfig?.defaults ?? {};
    if (low === null || high === null || low === undefined) return [0, 1];
    if (this.custom.scaleDistribution?.type === 'log') return [Math.max(low, 1e-9) / 1.2, high * 1.2];
    const bottom = min ?? Math.min(low, this.custom.axisSoftMin ?? low);
    const top = max ?? Math.max(high, this.custom.axisSoftMax ?? high);
    const room = (top - bottom || Math.abs(top) || 1) * 0.08;
    return [bottom < 0 && min === undefined ? bottom - room : bottom, max ?? top + room];
  }

  #size() {
    const { clientWidth: width, clientHeight: height } = this.picture;
    if (this.#plot && width && height && (width !== this.#plot.width || height !== this.#plot.height)) this.#plot.setSize({ width, height });
  }

  /** A dragged range becomes the time range of the dashboard. */
  #select(plot) {
    const { left, width } = plot.select;
    if (width < 6) return;
    const [from, to] = [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.zoom(from, to);
  }

  #point(plot) {
    const { idx, left, top } = plot.cursor;
    if (!this.picture.matches(':hover')) {
      if (document.activeElement !== this.picture) this.tip.hide();
      return;
    }
    if (left < 0 || top < 0 || idx === null || idx === undefined) this.tip.hide();
    else this.tip.show(idx, [left + plot.bbox.left / devicePixelRatio, top]);
  }

  /** Where the arrow keys are: the cursor goes along. */
  #place(at) {
    const left = this.#plot.valToPos(this.times[at], 'x');
    this.#plot.setCursor({ left, top: 10 }, false);
    return [left + this.#plot.bbox.left / devicePixelRatio, 16];
  }

  #values(at) {
    const known = this.seen.filter((one) => one.values[at] !== null && one.values[at] !== undefined).sort((a, b) => b.values[at] - a.values[at]);
    const half = (this.times[1] - this.times[0]) / 2 || 30;
    const happened = this.events.filter((one) => one.start <= this.times[at] + half && (one.end ?? one.start) >= this.times[at] - half).map((one) => [named(one.colour), one.title, one.text]);
    return [this.unit ? format.text(this.times[at], this.unit) : format.date(this.times[at] * 1000), [...happened, ...known.map((one) => [one.colour, one.name, format.text(one.values[at], one.field.unit, one.field.decimals)])]];
  }

  /** What happened: annotations as lines or, with an end, as bands behind the curves; thresholds as areas. */
  #ranges(plot) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const mode = this.custom.thresholdsStyle?.mode ?? '';
    if (mode.includes('area')) this.#areas(plot);
    for (const one of this.events) {
      const x = plot.valToPos(one.start, 'x', true);
      ctx.fillStyle = faded(named(one.colour), 14);
      if (one.end > one.start) ctx.fillRect(x, bbox.top, plot.valToPos(one.end, 'x', true) - x, bbox.height);
      ctx.fillStyle = named(one.colour);
      const height = this.events.length > MANY ? 7 * devicePixelRatio : bbox.height;
      ctx.fillRect(x, bbox.top + bbox.height - height, devicePixelRatio, height);
    }
    ctx.restore();
  }

  #areas(plot) {
    const { ctx, bbox } = plot;
    const steps = this.panel.fieldConfig.defaults.thresholds?.steps ?? [];
    steps.forEach((one, at) => {
      if (one.color === 'transparent' || one.color === 'text') return;
      const top = steps[at + 1] ? plot.valToPos(steps[at + 1].value, 'y', true) : bbox.top;
      const bottom = one.value === null || one.value === undefined ? bbox.top + bbox.height : plot.valToPos(one.value, 'y', true);
      ctx.fillStyle = faded(named(one.color), 10);
      ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    });
  }

  /** Thresholds as dashed lines. */
  #limits(plot) {
    const mode = this.custom.thresholdsStyle?.mode ?? '';
    if (!mode.includes('dashed') && !mode.includes('line')) return;
    const { ctx, bbox } = plot;
    for (const one of this.panel.fieldConfig.defaults.thresholds?.steps ?? []) {
      if (one.value === null || one.value === undefined) continue;
      const y = plot.valToPos(one.value, 'y', true);
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.save();
      ctx.strokeStyle = named(one.color);
      ctx.lineWidth = devicePixelRatio;
      if (mode.includes('dashed')) ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.restore();
    }
  }

  #describe() {
    const last = this.series.slice(0, 10).map((one) => `${one.name} ${format.text(one.values.findLast((value) => value !== null), one.field.unit, one.field.decimals)}`);
    const happened = this.events.length ? `. Marked: ${this.events.slice(0, 5).map((one) => `${one.title} at ${format.clock(one.start * 1000)}`).join(', ')}` : '';
    this.picture.setAttribute('aria-label', `${this.panel.title}. Last values: ${last.join(', ')}${happened}. Arrow keys walk through the values.`);
  }

  get canvas() {
    return this.picture.querySelector('canvas');
  }
}
