// A panel's numbers as a CSV file, and its picture as a PNG file.

import { named } from './colours.js';
import { make } from './elements.js';
import * as format from './format.js';
import { shown } from './frames.js';
import { columns } from './table.js';

const quoted = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);

function raw(field, value) {
  if (value === null || value === undefined) return '';
  if (field.type === 'time') return new Date(value).toISOString();
  if (typeof value === 'object') return String(value.last ?? '');
  // A spreadsheet would run a text that begins like a formula.
  return typeof value === 'string' && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
}

/** [{title, values, field}] of whatever the panel shows: series share their times. */
function table(frames, panel) {
  if (panel.type === 'table') return columns(frames, panel).map((one) => ({ title: one.title, unit: one.settings.unit, values: one.values, field: one }));
  const times = [...new Set(frames.flatMap((frame) => frame.fields.find((field) => field.type === 'time')?.values ?? []))].sort((a, b) => a - b);
  if (!times.length) return frames.flatMap((frame) => frame.fields.map((field) => ({ title: shown(field), values: field.values, field })));
  const series = frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === 'time');
    return frame.fields.filter((field) => field !== time).map((field) => {
      const at = new Map(time?.values.map((one, place) => [one, field.values[place]]));
      return { title: shown(field), values: times.map((one) => at.get(one) ?? null), field };
    });
  });
  return [{ title: 'Time', values: times, field: { type: 'time' } }, ...series];
}

/** The numbers as they came, with a line of names; units stand in the names. */
export function csv(frames, panel) {
  const unit = panel.fieldConfig?.defaults?.unit;
  const found = table(frames, panel);
  const head = found.map(({ title, unit: own, field }) => {
    const said = field.type === 'number' || field.type === 'trend' ? own ?? unit : null;
    return quoted(said && said !== 'string' && said !== 'none' ? `${title} (${said.replace(/^suffix:\s*/, '')})` : title);
  });
  const lines = (found[0]?.values ?? []).map((_, at) => found.map(({ field, values }) => quoted(raw(field, values[at]))).join(','));
  return `${[head.join(','), ...lines].join('\r\n')}\r\n`;
}

/** What a person sees, line by line: of a table its cells, of numbers their names and values. */
function lines(body) {
  const found = [...body.querySelectorAll('tr')].map((one) => [...one.querySelectorAll('th, td')].map((cell) => cell.innerText.trim()));
  if (found.length) return found.slice(0, 40);
  const single = [...body.querySelectorAll('.stat, .bars li, .gauge')].map((one) => one.innerText.split('\n').map((text) => text.trim()).filter(Boolean));
  return single.length ? single : body.innerText.split('\n').filter(Boolean).map((text) => [text]);
}

async function pictureOf(body) {
  const canvas = body.querySelector('canvas');
  if (canvas) return { image: canvas, width: canvas.width / devicePixelRatio, height: canvas.height / devicePixelRatio };
  const svg = body.querySelector('svg.columns');
  if (!svg) return null;
  const copy = svg.cloneNode(true);
  const { width, height } = svg.getBoundingClientRect();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  Object.entries({ width, height }).forEach(([name, value]) => copy.setAttribute(name, value));
  copy.querySelectorAll('text').forEach((one) => { one.setAttribute('fill', named('text')); one.setAttribute('font', '11px sans-serif'); one.setAttribute('text-anchor', one.getAttribute('class') === 'label' ? 'middle' : 'end'); one.setAttribute('font-size', '11'); });
  copy.querySelectorAll('line').forEach((one) => one.setAttribute('stroke', named('text')));
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await image.decode();
  return { image, width, height };
}

/** The panel as a canvas: its title, its picture, and what it says. */
export async function picture(element, body, title) {
  const found = await pictureOf(body);
  const texts = lines(body);
  const style = getComputedStyle(element);
  const width = Math.max(found?.width ?? 0, 480, element.clientWidth);
  const line = 20;
  const height = 44 + (found ? found.height + 10 : 0) + texts.length * line + 30;
  const canvas = make('canvas', { width: width * 2, height: height * 2 });
  const ctx = canvas.getContext('2d');
  ctx.scale(2, 2);
  ctx.fillStyle = style.backgroundColor === 'rgba(0, 0, 0, 0)' ? getComputedStyle(document.body).backgroundColor : style.backgroundColor;
  ctx.fillRect(0, 0, width, height);
  ctx.fillStyle = style.color;
  ctx.font = '600 15px system-ui, sans-serif';
  ctx.fillText(title, 14, 26);
  if (found) ctx.drawImage(found.image, 12, 40, found.width, found.height);
  ctx.font = '12px system-ui, sans-serif';
  const most = Math.max(...texts.map((cells) => cells.length), 1);
  texts.forEach((cells, row) => cells.forEach((text, at) => ctx.fillText(text, 14 + (at * (width - 28)) / most, 40 + (found ? found.height + 10 : 0) + (row + 0.8) * line, (width - 28) / most - 8)));
  ctx.fillStyle = named('text');
  ctx.fillText(`Gramwatt, ${format.date(Date.now())}`, 14, height - 10);
  return canvas;
}

/** Hand a file to the browser's downloads. */
export function save(name, address) {
  const link = make('a', { href: address, download: name.replace(/[^\w.-]+/g, '-') });
  document.body.append(link);
  link.click();
  link.remove();
  if (address.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(address), 10000);
}
