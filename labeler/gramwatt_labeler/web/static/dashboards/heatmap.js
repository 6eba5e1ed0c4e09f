// Heat maps, state timelines and status histories: a line for each series, a cell for each moment.

import { faded, named, step } from './colours.js';
import { make, patch } from './elements.js';
import { mapped, settings } from './fields.js';
import * as format from './format.js';
import { shown } from './frames.js';
import { Tip } from './tip.js';

const LINE = 18; // pixels, least
const AXIS = 20;

function lines(frames, panel) {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === 'time');
    return time ? frame.fields.filter((field) => field.type === 'number').map((own) => ({
      name: shown(own), times: time.values, values: own.values, field: settings(panel, shown(own), { type: 'number', refId: frame.refId, from: own.name }),
    })) : [];
  });
}

export class Heatmap {
  constructor(body, panel) {
    Object.assign(this, { body, panel });
    this.canvas = make('canvas', { tabindex: '0', role: 'img', 'data-keep': '' });
    this.room = make('div', { class: 'heat', 'data-keep': '' }, this.canvas);
    this.key = make('p', { class: 'scale', 'aria-hidden': 'true', 'data-keep': '' });
    this.tip = new Tip(this.canvas, { count: () => (this.lines ? this.lines.length * this.times.length : 0), place: (at) => this.#place(at), describe: (at) => this.#values(at) });
    this.canvas.addEventListener('pointermove', (event) => this.#point(event));
    this.canvas.addEventListener('pointerleave', () => this.tip.hide());
    new ResizeObserver(() => this.#paint()).observe(this.room);
  }

  draw(frames) {
    const found = lines(frames, this.panel);
    this.times = [...new Set(found.flatMap((one) => one.times))].sort((a, b) => a - b);
    const mean = (one) => one.values.reduce((sum, value) => sum + (value ?? 0), 0);
    this.lines = found.sort((a, b) => mean(b) - mean(a)).map((one) => {
      if (one.times.length === this.times.length) return one;
      const known = new Map(one.times.map((at, place) => [at, one.values[place]]));
      return { ...one, values: this.times.map((at) => known.get(at) ?? null) };
    });
    const all = this.lines.flatMap((one) => one.values).filter((value) => value !== null);
    const { min, max } = this.panel.fieldConfig?.defaults ?? {};
    [this.low, this.high] = [min ?? all.reduce((a, b) => Math.min(a, b), Infinity), max ?? all.reduce((a, b) => Math.max(a, b), -Infinity)];
    patch(this.body, this.room, this.key, this.tip.card);
    this.#paint();
    this.#describe();
  }

  repaint() {
    if (this.lines) this.#paint();
  }

  #colour(one, value) {
    const mapping = mapped(one.field.mappings, value);
    if (mapping?.color) return named(mapping.color);
    if (one.field.mode === 'thresholds' && one.field.thresholds && this.panel.type !== 'heatmap') return named(step(one.field.thresholds, value, one.field.min, one.field.max));
    return faded(named('orange'), Math.round(8 + (92 * Math.max(0, value - this.low)) / (this.high - this.low || 1)));
  }

  #paint() {
    const width = this.room.clientWidth;
    if (!width || !this.lines) return;
    const scale = devicePixelRatio || 1;
    const line = Math.max(LINE, Math.min(40, Math.floor((this.room.clientHeight - AXIS) / Math.max(this.lines.length, 1))));
    const height = line * this.lines.length + AXIS;
    Object.assign(this.canvas, { width: width * scale, height: height * scale });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const ctx = this.canvas.getContext('2d');
    ctx.scale(scale, scale);
    ctx.font = '11px system-ui, sans-serif';
    ctx.textBaseline = 'middle';
    const left = Math.min(Math.max(...this.lines.map((one) => ctx.measureText(one.name).width), 30) + 10, width * 0.32);
    this.box = { left, line, cell: (width - left) / Math.max(this.times.length, 1) };
    this.lines.forEach((one, row) => {
      ctx.fillStyle = named('text');
      ctx.fillText(fitted(ctx, one.name, left - 8), 0, (row + 0.5) * line);
      one.values.forEach((value, at) => {
        if (value === null) return;
        ctx.fillStyle = this.#colour(one, value);
        ctx.fillRect(left + at * this.box.cell, row * line + 1, Math.max(this.box.cell - (this.box.cell > 6 ? 1 : 0), 1), line - 2);
      });
    });
    this.#axis(ctx, width, height);
  }

  #axis(ctx, width, height) {
    const count = Math.max(1, Math.floor((width - this.box.left) / 80));
    const every = Math.max(1, Math.ceil(this.times.length / count));
    ctx.fillStyle = named('text');
    const gap = ((this.times.at(-1) - this.times[0]) / 1000) > 2 * 86400 ? 86400 : 60;
    for (let at = 0; at < this.times.length; at += every) ctx.fillText(format.tick(this.times[at] / 1000, gap), this.box.left + at * this.box.cell, height - AXIS / 2);
  }

  #point(event) {
    const { left, line, cell } = this.box;
    const [x, y] = [event.offsetX, event.offsetY];
    const [at, row] = [Math.floor((x - left) / cell), Math.floor(y / line)];
    if (at < 0 || at >= this.times.length || row < 0 || row >= this.lines.length) this.tip.hide();
    else this.tip.show(row * this.times.length + at, [x + 12, y - this.room.scrollTop]);
  }

  #place(index) {
    const { left, line, cell } = this.box;
    return [left + (index % this.times.length) * cell, Math.floor(index / this.times.length) * line - this.room.scrollTop];
  }

  #values(index) {
    const one = this.lines[Math.floor(index / this.times.length)];
    const at = index % this.times.length;
    const value = one.values[at];
    const text = mapped(one.field.mappings, value)?.text ?? format.text(value, one.field.unit, one.field.decimals);
    return [format.date(this.times[at]), [[value === null ? null : this.#colour(one, value), one.name, value === null ? 'no sample' : text]]];
  }

  #describe() {
    const last = this.lines.slice(0, 10).map((one) => {
      const value = one.values.findLast((each) => each !== null);
      return `${one.name} ${mapped(one.field.mappings, value)?.text ?? format.text(value, one.field.unit, one.field.decimals)}`;
    });
    this.canvas.setAttribute('aria-label', `${this.panel.title}. ${this.lines.length} lines. Last values: ${last.join(', ')}. Arrow keys walk through the cells.`);
    const field = this.lines[0]?.field ?? {};
    const plain = this.panel.type === 'heatmap' && Number.isFinite(this.low);
    this.key.hidden = !plain;
    if (plain) patch(this.key, make('span', {}, format.text(this.low, field.unit)), make('i', {}), make('span', {}, format.text(this.high, field.unit)));
  }
}

function fitted(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let end = text.length;
  while (end > 1 && ctx.measureText(`${text.slice(0, end)}…`).width > room) end -= 1;
  return `${text.slice(0, end)}…`;
}
