// Where panels stand: rows as foldable groups, and panels or rows that repeat for each value of a variable.

import { make } from './elements.js';
import { fixed } from './scope.js';

const WIDE = 24; // Grafana's columns

/** A panel for each value that is chosen, side by side or one below the other. */
function repeated(panel, scope, extra) {
  const variable = scope.variables.find((one) => one.name === panel.repeat);
  const { values = [] } = variable ?? {};
  if (!variable || !values.length) return [{ ...panel, scopedVars: { ...extra } }];
  const { x, y, w, h } = panel.gridPos;
  const across = panel.repeatDirection !== 'v';
  const row = Math.max(1, Math.min(panel.maxPerRow || 4, values.length));
  const width = Math.floor(WIDE / row);
  return values.map((value, at) => ({
    ...panel,
    scopedVars: { ...extra, [panel.repeat]: fixed(value, variable.options.find((one) => one.value === value)?.text ?? value) },
    gridPos: across ? { x: (at % row) * width, y: y + Math.floor(at / row) * h, w: width, h } : { x, y: y + at * h, w, h },
    added: (across ? Math.ceil(values.length / row) - 1 : values.length - 1) * h,
  }));
}

/** Repeated panels push what stands below them down. */
function settled(panels, scope, extra) {
  let pushed = 0;
  return [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y || a.gridPos.x - b.gridPos.x).flatMap((panel) => {
    const found = panel.repeat ? repeated(panel, scope, extra) : [{ ...panel, scopedVars: { ...extra } }];
    const moved = found.map((one) => ({ ...one, gridPos: { ...one.gridPos, y: one.gridPos.y + pushed } }));
    pushed += found[0]?.added ?? 0;
    return moved;
  });
}

/** [{title, collapsed, panels}] of a dashboard; the panels before its first row have no title. */
export function groups(list, scope) {
  const found = [{ title: null, panels: [], row: {} }];
  for (const one of list) {
    if (one.type === 'row') found.push({ title: one.title, row: one, collapsed: one.collapsed, panels: [...(one.panels ?? [])] });
    else found.at(-1).panels.push(one);
  }
  return found.flatMap(({ title, row, collapsed, panels }) => {
    const variable = row.repeat && scope.variables.find((one) => one.name === row.repeat);
    const each = variable?.values.length ? variable.values.map((value) => ({ [row.repeat]: fixed(value, variable.options.find((one) => one.value === value)?.text ?? value) })) : [{}];
    return each.map((extra) => ({ title: title && scope.of({ scopedVars: extra }).say(title), collapsed, panels: settled(panels, scope, extra).map((one) => ({ ...one, level: title ? 'h3' : 'h2' })) }));
  }).filter((group) => group.panels.length || group.title);
}

/** The elements of the groups; `add` makes a panel and returns its element. */
export function laidOut(found, add) {
  return found.map(({ title, collapsed, panels }) => {
    const top = Math.min(...panels.map((one) => one.gridPos.y));
    const grid = make('div', { class: 'grid' }, panels.map((one) => {
      const element = add(one);
      const { x, y, w, h } = one.gridPos;
      for (const [name, value] of Object.entries({ x: x + 1, y: y - top + 1, w, h })) element.style.setProperty(`--${name}`, value);
      element.classList.toggle('whole-line', w === WIDE);
      return element;
    }));
    return title === null ? grid : make('details', { class: 'row', open: !collapsed }, make('summary', {}, make('h2', {}, title)), grid);
  });
}
