// Bar charts: a group of bars for each row, or for each series.

import { faded, named, nth, step, surface } from './colours.js';
import { draw, make, patch } from './elements.js';
import { settings } from './fields.js';
import * as format from './format.js';
import { rows, shown } from './frames.js';
import { Tip } from './tip.js';

const [LEFT, BOTTOM, TOP] = [62, 34, 12];

/** {names, series: [{name, values, field}]}: what is along the axis, and what is drawn there. */
function groups(frames, panel) {
  const wanted = panel.options?.xField;
  const single = frames.every((frame) => rows(frame) <= 1 && frame.fields.some((field) => field.labels));
  if (single) {
    const all = frames.map((frame) => frame.fields.find((field) => field.type === 'number'));
    return { names: all.map(shown), series: [{ name: panel.title, values: all.map((own) => own.values[0]), field: settings(panel, shown(all[0] ?? { name: '' }), { type: 'number' }) }] };
  }
  const frame = frames.reduce((most, one) => (rows(one) > rows(most) ? one : most), frames[0]);
  const named_ = (field) => shown(field) === wanted || field.name === wanted;
  const x = frame.fields.find(named_) ?? frame.fields.find((field) => field.type === 'string') ?? frame.fields.find((field) => field.type === 'time');
  const hidden = (own) => settings(panel, shown(own), { type: own.type, from: own.from ?? own.name }).custom.hideFrom?.viz;
  const drawn = (frames.length > 1 && x?.type === 'time' ? frames.flatMap((one) => one.fields) : frame.fields).filter((own) => own.type === 'number' && own !== x && !hidden(own));
  // The panel's unit is of the bars, not of what stands below them.
  const { unit } = settings({ fieldConfig: { overrides: panel.fieldConfig?.overrides } }, x ? shown(x) : '', { type: x?.type });
  const text = (value) => (x?.type === 'time' ? (unit ? format.text(value, unit) : format.clock(value)) : typeof value === 'number' ? format.text(value, unit) : String(value));
  return {
    names: x ? x.values.map(text) : Array.from({ length: rows(frame) }, (_, at) => String(at + 1)),
    series: drawn.map((own) => ({ name: shown(own), values: own.values, field: settings(panel, shown(own), { type: 'number', from: own.from ?? own.name }) })),
  };
}

/** Round numbers from 0 to at least `most`, about `count` of them. */
export function ticks(most, count = 4) {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const gap = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= rough);
  return Array.from({ length: Math.ceil(most / gap - 1e-9) + 1 }, (_, at) => at * gap);
}

export class BarChart {
  constructor(body, panel) {
    Object.assign(this, { body, panel });
    this.picture = draw('svg', { class: 'columns', tabindex: '0', role: 'img' });
    this.room = make('div', { class: 'room', 'data-keep': '' }, this.picture);
    this.tip = new Tip(this.picture, { count: () => this.names?.length ?? 0, place: (at) => [this.#x(at), TOP], describe: (at) => this.#values(at) });
    this.picture.addEventListener('pointermove', (event) => this.#point(event));
    this.picture.addEventListener('pointerleave', () => this.tip.hide());
    new ResizeObserver(() => this.repaint()).observe(this.room);
  }

  draw(frames) {
    const { names, series } = groups(frames, this.panel);
    Object.assign(this, { names, series });
    const several = series.length > 1;
    patch(this.body, this.room, several ? make('ul', { class: 'keys', 'aria-hidden': 'true' }, series.map((one, place) => make('li', {}, make('i', { class: 'dot', style: { background: this.#colour(one, place) } }), one.name))) : null, this.tip.card);
    this.repaint();
    const texts = names.slice(0, 12).map((name, at) => `${name} ${series.map((one) => format.text(one.values[at], one.field.unit, one.field.decimals)).join(' and ')}`);
    this.picture.setAttribute('aria-label', `${this.panel.title}: ${texts.join(', ')}. Arrow keys walk through the bars.`);
  }

  #colour(one, place, value) {
    if (one.field.colour) return surface(one.field.colour);
    if (one.field.mode === 'thresholds' && one.field.thresholds && value !== undefined) {
      const name = step(one.field.thresholds, value, one.field.min, one.field.max);
      if (name !== 'text') return surface(name);
    }
    return nth(place);
  }

  #x(at) {
    return LEFT + (at + 0.5) * ((this.room.clientWidth - LEFT) / Math.max(this.names.length, 1));
  }

  repaint() {
    const [width, height] = [this.room.clientWidth, this.room.clientHeight];
    if (!this.series || !width || height < 40) return;
    const stacked = this.panel.options?.stacking === 'normal';
    const sum = (at) => this.series.reduce((total, one) => total + Math.max(one.values[at] ?? 0, 0), 0);
    const single = (at) => Math.max(...this.series.map((one) => one.values[at] ?? 0), 0);
    const marks = ticks(this.series[0]?.field.max ?? Math.max(...this.names.map((_, at) => (stacked ? sum(at) : single(at))), 0));
    const top = marks.at(-1);
    const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - value / top);
    const slot = (width - LEFT) / Math.max(this.names.length, 1);
    const each = (slot * 0.76) / (stacked ? 1 : Math.max(this.series.length, 1));
    const every = Math.ceil(this.names.length / Math.max(1, Math.floor((width - LEFT) / Math.min(90, 14 + 6.5 * Math.max(...this.names.map((name) => name.length), 1)))));
    const unit = this.series[0]?.field.unit;
    this.picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
    patch(this.picture,
      marks.map((value) => draw('g', {}, draw('line', { x1: LEFT, x2: width, y1: y(value), y2: y(value), class: 'rule' }), draw('text', { x: LEFT - 8, y: y(value) + 4, class: 'amount' }, format.text(value, unit)))),
      this.names.map((name, at) => {
        let below = 0;
        const parts = this.series.map((one, place) => {
          const value = Math.max(one.values[at] ?? 0, 0);
          const x = LEFT + at * slot + slot * 0.12 + (stacked ? 0 : place * each);
          const bar = draw('rect', { x, y: y(below + value), width: Math.max(each - 1, 1), height: Math.max(y(below) - y(below + value), 0), rx: Math.min(3, each / 4), style: { fill: this.#colour(one, place, one.values[at]) } });
          if (stacked) below += value;
          return bar;
        });
        return draw('g', {}, parts, at % every ? null : draw('text', { x: LEFT + (at + 0.5) * slot, y: height - BOTTOM + 18, class: 'label' }, name.length > 18 ? `${name.slice(0, 17)}…` : name));
      }),
      draw('rect', { x: LEFT, y: height - BOTTOM, width: width - LEFT, height: 1, style: { fill: faded(named('text'), 60) } }));
  }

  #point(event) {
    const at = Math.floor((event.offsetX - LEFT) / ((this.room.clientWidth - LEFT) / this.names.length));
    if (at >= 0 && at < this.names.length) this.tip.show(at, [event.offsetX + 10, event.offsetY]);
    else this.tip.hide();
  }

  #values(at) {
    return [this.names[at], this.series.map((one, place) => [this.#colour(one, place, one.values[at]), this.series.length > 1 ? one.name : '', format.text(one.values[at], one.field.unit, one.field.decimals)])];
  }
}
