// Grafana's transformations: frames in, frames out. What is not here is named in the panel.

import { pattern } from './fields.js';
import { fromRows, row, rows, shown } from './frames.js';
import { reducer, TITLES } from './reduce.js';

const isValue = (field) => field.type !== 'string';

/** Rows that agree on every label they share become one. */
function merge(frames) {
  if (frames.length < 2) return frames;
  const like = new Map();
  for (const frame of frames) for (const field of frame.fields) if (!like.has(field.name)) like.set(field.name, { ...field, values: [] });
  const texts = (one) => new Set(one.fields.filter((field) => !isValue(field)).map((field) => field.name));
  let left = texts(frames[0]);
  let found = Array.from({ length: rows(frames[0]) }, (_, at) => row(frames[0], at));
  for (const frame of frames.slice(1)) {
    const right = texts(frame);
    const shared = [...right].filter((name) => left.has(name));
    const key = (one) => JSON.stringify(shared.map((name) => one[name] ?? ''));
    const byKey = Map.groupBy(Array.from({ length: rows(frame) }, (_, at) => row(frame, at)), key);
    const used = new Set();
    found = found.flatMap((one) => {
      const matching = byKey.get(key(one));
      if (!matching) return [one];
      used.add(key(one));
      return matching.map((other) => ({ ...one, ...other }));
    });
    for (const [name, others] of byKey) if (!used.has(name)) found.push(...others);
    left = new Set([...left, ...right]);
  }
  return [fromRows(found, [...like.values()])];
}

/** Rows of all frames by the value of one field. */
function joinByField(frames, { byField, mode = 'outer' }) {
  const name = byField ?? 'Time';
  const found = new Map();
  const like = new Map();
  frames.forEach((frame, place) => {
    const by = frame.fields.find((field) => shown(field) === name || field.name === name);
    if (!by) return;
    frame.fields.forEach((field) => {
      const to = field === by ? name : like.has(shown(field)) ? `${shown(field)} ${place + 1}` : shown(field);
      if (!like.has(to)) like.set(to, { ...field, name: to, display: undefined, values: [] });
      by.values.forEach((value, at) => {
        if (!found.has(value)) found.set(value, { [name]: value, count: new Set() });
        found.get(value)[to] = field.values[at];
        found.get(value).count.add(place);
      });
    });
  });
  const kept = [...found.values()].filter((one) => mode !== 'inner' || one.count.size === frames.length).map(({ count, ...one }) => one);
  return [fromRows(kept, [...like.values()])];
}

function organize(frames, { excludeByName = {}, includeByName = {}, renameByName = {}, indexByName = {} }) {
  const only = Object.values(includeByName).some(Boolean);
  return frames.map((frame) => {
    const place = (field) => indexByName[field.name] ?? indexByName[shown(field)] ?? 1000;
    const kept = frame.fields.filter((field) => !excludeByName[field.name] && !excludeByName[shown(field)] && (!only || includeByName[field.name] || includeByName[shown(field)]));
    // A column that the panel names stays although no row has its label: it is empty, not gone.
    const targets = new Set(kept.map((field) => renameByName[field.name] || renameByName[shown(field)] || shown(field)));
    const missing = Object.keys(indexByName).filter((name) => /^[a-z_]\w*$/.test(name) && !excludeByName[name] && (!only || includeByName[name])
      && !targets.has(renameByName[name] || name)).map((name) => ({ name, type: 'string', values: new Array(rows(frame)).fill('') }));
    return {
      ...frame,
      fields: [...kept, ...missing].sort((a, b) => place(a) - place(b)).map((field) => {
        const to = renameByName[field.name] || renameByName[shown(field)];
        return to ? { ...field, from: field.from ?? field.name, name: to, display: undefined } : field;
      }),
    };
  });
}

function order(a, b) {
  const missing = (value) => value === undefined || value === null || value === '';
  if (missing(a) || missing(b)) return null;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

/** The places of values in their order; missing ones are last in both directions. */
export function sorting(values, down) {
  const gone = (value) => (value === undefined || value === null || value === '' ? 1 : 0);
  return values.map((_, at) => at).sort((a, b) => {
    const by = order(values[a], values[b]);
    return by === null ? gone(values[a]) - gone(values[b]) : down ? -by : by;
  });
}

const pick = (frame, places) => ({ ...frame, fields: frame.fields.map((field) => ({ ...field, values: places.map((at) => field.values[at]) })) });
const named = (frame, name) => frame.fields.find((field) => shown(field) === name || field.name === name || field.from === name);

function sortBy(frames, { sort = [] }) {
  return frames.map((frame) => [...sort].reverse().reduce((one, { field, desc }) => {
    const by = named(one, field);
    return by ? pick(one, sorting(by.values.map(comparable), desc)) : one;
  }, frame));
}

const comparable = (value) => (value && typeof value === 'object' ? value.last : value);

const TESTS = {
  isNull: (value) => value === null || value === undefined || value === '', isNotNull: (value) => value !== null && value !== undefined && value !== '',
  equal: (value, options) => String(value) === String(options.value), notEqual: (value, options) => String(value) !== String(options.value),
  greater: (value, options) => value > Number(options.value), greaterOrEqual: (value, options) => value >= Number(options.value),
  lower: (value, options) => value < Number(options.value), lowerOrEqual: (value, options) => value <= Number(options.value),
  between: (value, options) => value >= options.from && value <= options.to, regex: (value, options) => pattern(`/${options.value}/`).test(String(value)),
  substring: (value, options) => String(value).includes(options.value),
};

function filterByValue(frames, { filters = [], match = 'any', type = 'include' }) {
  return frames.map((frame) => {
    const passes = (at) => {
      const results = filters.map(({ fieldName, config }) => {
        const field = named(frame, fieldName);
        return field && TESTS[config.id] ? TESTS[config.id](field.values[at], config.options ?? {}) : false;
      });
      return (match === 'all' ? results.every(Boolean) : results.some(Boolean)) === (type === 'include');
    };
    return pick(frame, Array.from({ length: rows(frame) }, (_, at) => at).filter(passes));
  });
}

function filterFieldsByName(frames, { include, exclude, byVariable }) {
  const fits = (rule, field) => (rule.names ?? []).some((name) => name === shown(field) || name === field.name) || (rule.pattern && pattern(rule.pattern).test(shown(field)));
  if (byVariable) return frames;
  return frames.map((frame) => ({ ...frame, fields: frame.fields.filter((field) => (!include || fits(include, field)) && !(exclude && fits(exclude, field))) }));
}

const OPERATORS = { '+': (a, b) => a + b, '-': (a, b) => a - b, '*': (a, b) => a * b, '/': (a, b) => (b ? a / b : null), '**': (a, b) => a ** b, '%': (a, b) => (b ? a % b : null) };

function calculateField(frames, options) {
  const { mode = 'reduceRow', alias, replaceFields, binary, reduce = {} } = options;
  return frames.map((frame) => {
    const side = (said) => {
      const text = typeof said === 'object' ? said?.matcher?.options ?? said?.fixed : said;
      const field = named(frame, text);
      return (at) => (field ? field.values[at] : Number.isNaN(Number(text)) || text === '' ? null : Number(text));
    };
    const values = [];
    if (mode === 'binary') {
      const [left, right] = [side(binary.left), side(binary.right)];
      for (let at = 0; at < rows(frame); at += 1) values.push(left(at) === null || right(at) === null ? null : OPERATORS[binary.operator]?.(left(at), right(at)) ?? null);
    } else {
      const used = frame.fields.filter((field) => field.type === 'number' && (!reduce.include?.length || reduce.include.includes(shown(field)) || reduce.include.includes(field.name)));
      for (let at = 0; at < rows(frame); at += 1) values.push((reducer(reduce.reducer) ?? reducer('sum'))(used.map((field) => field.values[at])));
    }
    const name = alias || (mode === 'binary' ? `${binary.left} ${binary.operator} ${binary.right}` : TITLES[reduce.reducer] ?? 'Total');
    const added = { name, type: 'number', values };
    return { ...frame, fields: replaceFields ? [...frame.fields.filter((field) => field.type === 'time'), added] : [...frame.fields, added] };
  });
}

function groupBy(frames, { fields = {} }) {
  return frames.map((frame) => {
    const setting = (field) => fields[field.name] ?? fields[shown(field)] ?? {};
    const keys = frame.fields.filter((field) => setting(field).operation === 'groupby');
    const sums = frame.fields.filter((field) => setting(field).operation === 'aggregate');
    const groups = Map.groupBy(Array.from({ length: rows(frame) }, (_, at) => at), (at) => JSON.stringify(keys.map((field) => field.values[at])));
    const places = [...groups.values()];
    return {
      ...frame,
      fields: [
        ...keys.map((field) => ({ ...field, values: places.map(([at]) => field.values[at]) })),
        ...sums.flatMap((field) => (setting(field).aggregations ?? []).map((name) => ({
          name: `${shown(field)} (${name})`, type: 'number', values: places.map((own) => reducer(name)?.(own.map((at) => field.values[at])) ?? null),
        }))),
      ],
    };
  });
}

/** Each series as a row: its labels, or its name, and its reductions. */
function reduceSeries(frames, { reducers = ['lastNotNull'], mode, labelsToFields }) {
  if (mode === 'reduceFields') {
    return frames.map((frame) => ({ ...frame, fields: frame.fields.filter((field) => field.type === 'number').map((field) => ({ ...field, values: [reducer(reducers[0])?.(field.values) ?? null] })) }));
  }
  const found = frames.flatMap((frame) => frame.fields.filter((field) => field.type === 'number').map((field) => ({
    ...(labelsToFields ? field.labels : { Field: shown(field) }), ...Object.fromEntries(reducers.map((name) => [TITLES[name] ?? name, reducer(name)?.(field.values) ?? null])),
  })));
  return [fromRows(found)];
}

/** Each series as a row: its labels, and the curve itself in the column "Trend #A". */
function timeSeriesTable(frames, options) {
  const done = frames.filter((frame) => !frame.fields.some((field) => field.labels && field.type === 'number'));
  const byQuery = Map.groupBy(frames.filter((frame) => !done.includes(frame)), (frame) => frame.refId);
  return [...done, ...[...byQuery].map(([refId, own]) => {
    const stat = reducer(options[refId]?.stat ?? 'lastNotNull');
    const found = own.map((frame) => {
      const [time, value] = [frame.fields.find((field) => field.type === 'time'), frame.fields.find((field) => field.type === 'number')];
      const { __name__: name, ...labels } = value.labels;
      return { ...labels, [`Trend #${refId}`]: { times: time.values, values: value.values, last: stat?.(value.values) ?? null } };
    });
    const frame = fromRows(found);
    return { ...frame, refId, fields: frame.fields.map((field) => (field.name.startsWith('Trend #') ? { ...field, type: 'trend' } : field)) };
  })];
}

function labelsToFields(frames, { mode, keepLabels, valueLabel }) {
  const found = frames.map((frame) => {
    const extra = frame.fields.flatMap((field) => Object.entries(field.labels ?? {}))
      .filter(([name]) => name !== '__name__' && name !== valueLabel && (!keepLabels?.length || keepLabels.includes(name)));
    if (mode === 'rows') return frame;
    return {
      ...frame,
      fields: [...frame.fields.map((field) => ({ ...field, display: undefined, name: (valueLabel && field.labels?.[valueLabel]) || field.name })),
        ...extra.map(([name, value]) => ({ name, type: 'string', values: new Array(rows(frame)).fill(value) }))],
    };
  });
  return found.length > 1 ? merge(found) : found;
}

function seriesToRows(frames) {
  const found = frames.flatMap((frame) => {
    const value = frame.fields.find((field) => field.type === 'number');
    return Array.from({ length: rows(frame) }, (_, at) => ({ Time: frame.fields[0].values[at], Metric: shown(value), Value: value.values[at] }));
  });
  return [fromRows(found, [{ name: 'Time', type: 'time', values: [] }])];
}

function renameByRegex(frames, { regex, renamePattern }) {
  const change = (field) => ({ ...field, from: field.from ?? field.name, name: shown(field).replace(pattern(regex.startsWith('/') ? regex : `/${regex}/`), renamePattern), display: undefined });
  return frames.map((frame) => ({ ...frame, fields: frame.fields.map(change) }));
}

function convertFieldType(frames, { conversions = [] }) {
  const to = { number: Number, string: String, time: (value) => (typeof value === 'number' ? value : Date.parse(value)) };
  const change = (field) => {
    const found = conversions.find((one) => one.targetField === field.name || one.targetField === shown(field));
    if (!found || !to[found.destinationType]) return field;
    return { ...field, type: found.destinationType, values: field.values.map((value) => (value === null || value === '' ? null : to[found.destinationType](value))) };
  };
  return frames.map((frame) => ({ ...frame, fields: frame.fields.map(change) }));
}

const KNOWN = {
  merge, organize, sortBy, filterByValue, filterFieldsByName, calculateField, groupBy, timeSeriesTable, labelsToFields, seriesToRows, renameByRegex, convertFieldType, joinByField,
  reduce: reduceSeries, seriesToColumns: joinByField,
  limit: (frames, { limitField = 10 }) => frames.map((frame) => pick(frame, Array.from({ length: Math.min(Number(limitField), rows(frame)) }, (_, at) => at))),
  filterByRefId: (frames, { include, exclude }) => frames.filter((frame) => (!include || pattern(include).test(frame.refId)) && !(exclude && pattern(exclude).test(frame.refId))),
};

/** The frames after the panel's transformations. */
export function transform(frames, panel) {
  return (panel.transformations ?? []).filter((one) => !one.disabled && KNOWN[one.id]).reduce((all, one) => KNOWN[one.id](all, one.options ?? {}), frames);
}

/** Names of the transformations that are not here. */
export function unknown(panel) {
  return (panel.transformations ?? []).filter((one) => !one.disabled && !KNOWN[one.id]).map((one) => `transformation "${one.id}"`);
}
