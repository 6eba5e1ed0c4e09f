/* global uPlot */
// Time series, drawn by uPlot. The legend below is a table, so that the numbers are there without the picture.

import { faded, named, nth } from './colours.js';
import { make } from './elements.js';
import { settings } from './fields.js';
import * as format from './format.js';

const SYNC = 'gramwatt';

/** Running sums from the first series up; a gap of one series inside the others counts as nothing. */
function stack(values) {
  const below = new Array(values[0]?.length ?? 0).fill(0);
  return values.map((one) => one.map((value, index) => {
    if (value === null && values.every((other) => other[index] === null)) return null;
    below[index] += value ?? 0;
    return below[index];
  }));
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Charts outlive a refresh: a new picture is drawn only when series, theme or width change. */
export class Chart {
  #plot = null;
  #key = '';
  #hidden = new Set();

  constructor(body, panel, zoom) {
    this.body = body;
    this.panel = panel;
    this.zoom = zoom;
    this.picture = make('div', { class: 'plot' });
    this.legend = make('div', { class: 'legend', tabindex: '0', role: 'region', 'aria-label': `${panel.title}: values` });
    this.tip = make('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
    new ResizeObserver(() => this.#size()).observe(this.picture);
  }

  draw(times, series, { start, end }) {
    if (!this.picture.isConnected) this.body.replaceChildren(this.picture, this.legend, this.tip);
    this.custom = this.panel.fieldConfig?.defaults?.custom ?? {};
    this.stacked = this.custom.stacking?.mode === 'normal';
    const byName = [...new Set(series.map((one) => one.name))].sort();
    this.series = series.map((one) => {
      const own = settings(this.panel, one.name);
      return { ...one, field: own, colour: own.colour ? named(own.colour) : nth(byName.indexOf(one.name)) };
    });
    this.times = times;
    this.range = [start, end];
    this.#render();
  }

  /** Draw again with what is known, for example in other colours. */
  repaint() {
    if (!this.series) return;
    this.#key = '';
    this.series = this.series.map((one) => ({ ...one, colour: one.field.colour ? named(one.field.colour) : one.colour }));
    this.#render();
  }

  #render() {
    const seen = this.series.filter((one) => !this.#hidden.has(one.name));
    const drawn = this.stacked ? stack(seen.map((one) => one.values)) : seen.map((one) => one.values);
    this.seen = seen;
    const key = JSON.stringify([seen.map((one) => [one.name, one.colour]), document.documentElement.dataset.theme]);
    if (key !== this.#key || !this.#plot) {
      this.#plot?.destroy();
      this.#plot = new uPlot(this.#options(seen), [this.times, ...drawn], this.picture);
      this.#key = key;
    } else {
      this.#plot.setData([this.times, ...drawn]);
    }
    this.#describe();
    this.#legend();
  }

  #options(seen) {
    const axis = { stroke: named('text'), grid: { stroke: faded(named('text'), 18), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const { unit } = this.panel.fieldConfig?.defaults ?? {};
    const fill = this.custom.fillOpacity ?? 0;
    return {
      width: this.picture.clientWidth || 300,
      height: this.picture.clientHeight || 180,
      legend: { show: false },
      cursor: { y: false, sync: { key: SYNC, setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      scales: { x: { time: true, range: () => this.range }, y: { range: (_, low, high) => this.#bounds(low, high) } },
      axes: [
        { ...axis, space: 60, size: 26, values: (_, ticks, axisIndex, space, step) => ticks.map((tick) => format.tick(tick, step)) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => format.text(tick, unit)) },
      ],
      series: [{}, ...seen.map((one) => ({
        label: one.name, stroke: one.colour, width: this.custom.lineWidth ?? 1, spanGaps: false, points: { show: (u, i) => this.#alone(u, i) },
        fill: fill ? faded(one.colour, fill) : undefined,
      }))],
      bands: this.stacked ? seen.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })) : [],
      hooks: {
        setSelect: [(plot) => this.#select(plot)],
        setCursor: [(plot) => this.#point(plot)],
        draw: [(plot) => this.#limits(plot)],
      },
    };
  }

  /** Points only for samples without neighbours, which no line would show. */
  #alone(plot, index) {
    const values = plot.data[index];
    return values.every((value, at) => value === null || (values[at - 1] ?? null) === null) && values.some((value) => value !== null);
  }

  #bounds(low, high) {
    if (low === null || high === null || low === undefined) return [0, 1];
    const bottom = Math.min(low, this.custom.axisSoftMin ?? low);
    const room = (high - bottom || Math.abs(high) || 1) * 0.08;
    return [bottom < 0 ? bottom - room : bottom, high + room];
  }

  #size() {
    const { clientWidth: width, clientHeight: height } = this.picture;
    if (this.#plot && width && height) this.#plot.setSize({ width, height });
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
    const inside = left >= 0 && top >= 0 && idx !== null && idx !== undefined && this.picture.matches(':hover');
    this.tip.hidden = !inside;
    if (!inside) return;
    const lines = this.seen.map((one) => ({ ...one, at: one.values[idx] })).filter((one) => one.at !== null && one.at !== undefined)
      .sort((a, b) => b.at - a.at).slice(0, 12);
    this.tip.replaceChildren(make('p', {}, format.date(this.times[idx] * 1000)),
      ...lines.map((one) => make('p', {}, this.#dot(one), `${one.name} `, make('b', {}, format.text(one.at, one.field.unit, one.field.decimals)))));
    const room = this.body.clientWidth;
    const x = left + plot.bbox.left / devicePixelRatio;
    this.tip.style.left = x > room / 2 ? 'auto' : `${x + 14}px`;
    this.tip.style.right = x > room / 2 ? `${room - x + 14}px` : 'auto';
    this.tip.style.top = `${Math.max(0, top - 10)}px`;
  }

  /** Thresholds as dashed lines. */
  #limits(plot) {
    if (!this.custom.thresholdsStyle?.mode?.startsWith('dashed')) return;
    const { ctx, bbox } = plot;
    for (const one of this.panel.fieldConfig.defaults.thresholds?.steps ?? []) {
      if (one.value === null || one.value === undefined) continue;
      const y = plot.valToPos(one.value, 'y', true);
      if (y < bbox.top || y > bbox.top + bbox.height) continue;
      ctx.save();
      ctx.strokeStyle = named(one.color);
      ctx.lineWidth = devicePixelRatio;
      ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.restore();
    }
  }

  #dot(one) {
    const dot = make('i', { class: 'dot' });
    dot.style.background = one.colour;
    return dot;
  }

  #describe() {
    const last = this.series.map((one) => {
      const known = one.values.filter((value) => value !== null);
      return `${one.name} ${format.text(known.at(-1), one.field.unit, one.field.decimals)}`;
    });
    this.picture.setAttribute('role', 'img');
    this.picture.setAttribute('aria-label', `${this.panel.title}. Last values: ${last.slice(0, 10).join(', ')}`);
  }

  #legend() {
    const rows = this.series.map((one) => {
      const known = one.values.filter((value) => value !== null);
      const number = (value) => make('td', { class: 'number' }, format.text(value, one.field.unit, one.field.decimals));
      const on = !this.#hidden.has(one.name);
      const click = () => {
        if (on) this.#hidden.add(one.name);
        else this.#hidden.delete(one.name);
        this.#render();
      };
      return make('tr', { class: on ? null : 'off' },
        make('th', { scope: 'row' }, make('button', { type: 'button', click, 'aria-pressed': String(on), title: one.name }, this.#dot(one), one.name)),
        number(known.at(-1)), number(mean(known)), number(known.reduce((a, b) => Math.max(a, b), -Infinity)));
    });
    const head = ['Last', 'Mean', 'Max'].map((name) => make('th', { scope: 'col', class: 'number' }, name));
    this.legend.replaceChildren(make('table', {},
      make('thead', {}, make('tr', {}, make('th', { scope: 'col' }, make('span', { class: 'hidden' }, 'Series')), head)),
      make('tbody', {}, rows)));
  }
}
