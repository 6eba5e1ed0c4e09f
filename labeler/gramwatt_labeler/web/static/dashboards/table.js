// Tables: instant queries, merged on the labels they share, renamed and ordered as the panel says.

import { mapped, settings } from './fields.js';
import * as format from './format.js';
import { make } from './elements.js';
import { named } from './colours.js';

/** Rows of all queries: labels become columns, values Value, or Value #A, Value #B, ... of several queries. */
function frames(results) {
  return results.map(({ refId, series }) => {
    const value = results.length > 1 ? `Value #${refId}` : 'Value';
    return series.map((one) => ({ ...one.labels, [value]: one.value }));
  });
}

/** Grafana's "merge": rows that agree on every column they share become one. */
function merge(all) {
  const isLabel = (name) => !name.startsWith('Value');
  let rows = all[0] ?? [];
  for (const frame of all.slice(1)) {
    const left = new Set(rows.flatMap((row) => Object.keys(row).filter(isLabel)));
    const right = new Set(frame.flatMap((row) => Object.keys(row).filter(isLabel)));
    const shared = [...right].filter((name) => left.has(name));
    const key = (row) => JSON.stringify(shared.map((name) => row[name] ?? ''));
    const byKey = Map.groupBy(frame, key);
    const used = new Set();
    rows = rows.flatMap((row) => {
      const matching = byKey.get(key(row));
      if (!matching) return [row];
      used.add(key(row));
      return matching.map((other) => ({ ...row, ...other }));
    });
    for (const [name, others] of byKey) if (!used.has(name)) rows.push(...others);
  }
  return rows;
}

/** {columns: [{from, name}], rows} after the panel's transformations. */
export function shape(panel, results) {
  const steps = panel.transformations ?? [];
  let rows = steps.some((one) => one.id === 'merge') ? merge(frames(results)) : frames(results).flat();
  const { excludeByName = {}, renameByName = {}, indexByName = {} } = steps.find((one) => one.id === 'organize')?.options ?? {};
  const present = new Set([...Object.keys(indexByName), ...rows.flatMap((row) => Object.keys(row))]);
  const place = (name) => indexByName[name] ?? 1000;
  const columns = [...present].filter((name) => !excludeByName[name] && name !== '__name__')
    .sort((a, b) => place(a) - place(b))
    .map((from) => ({ from, name: renameByName[from] ?? from }));
  return { columns, rows };
}

function cell(value, field) {
  if (value === undefined || value === null || value === '') return make('td', { class: 'none' }, '');
  const mapping = mapped(field.mappings, value);
  const isNumber = typeof value === 'number';
  const shown = mapping?.text ?? (isNumber ? format.text(value, field.unit, field.decimals) : value);
  const element = make('td', { class: isNumber && !mapping ? 'number' : null });
  if (mapping?.color && field.cell) {
    const badge = make('span', { class: field.cell === 'color-background' ? 'badge' : 'coloured' }, shown);
    badge.style.setProperty('--own', named(mapping.color));
    element.append(badge);
  } else {
    element.append(shown);
    if (!isNumber && shown.length > 32) element.classList.add('long');
  }
  return element;
}

/** Draw into `body`; the chosen order survives a refresh in `state`. */
export function draw(body, panel, results, state) {
  const { columns, rows } = shape(panel, results);
  const first = panel.options?.sortBy?.[0];
  state.sort ??= first ? { name: first.displayName, down: first.desc ?? false } : null;
  const render = () => {
    const by = columns.find((column) => column.name === state.sort?.name);
    if (by) {
      const sign = state.sort.down ? -1 : 1;
      const missing = (value) => value === undefined || value === null || value === '';
      rows.sort((left, right) => {
        const [a, b] = [left[by.from], right[by.from]];
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true }));
      });
    }
    const fields = columns.map((column) => settings(panel, column.name));
    const numeric = columns.map(({ from }, place) => rows.some((row) => typeof row[from] === 'number' && !mapped(fields[place].mappings, row[from])));
    const head = columns.map((column, place) => {
      const sorted = by === column ? (state.sort.down ? 'descending' : 'ascending') : null;
      const click = () => {
        state.sort = { name: column.name, down: sorted ? sorted === 'ascending' : numeric[place] };
        render();
      };
      return make('th', { scope: 'col', 'aria-sort': sorted, class: numeric[place] ? 'number' : null },
        make('button', { type: 'button', click }, column.name));
    });
    const lines = rows.map((row) => make('tr', {}, columns.map(({ from }, place) => cell(row[from], fields[place]))));
    body.replaceChildren(make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': panel.title },
      make('table', {}, make('caption', { class: 'hidden' }, panel.title), make('thead', {}, make('tr', {}, head)), make('tbody', {}, lines))));
  };
  render();
}
