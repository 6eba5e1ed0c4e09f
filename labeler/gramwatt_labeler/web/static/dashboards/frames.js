// Answers of Prometheus as frames, Grafana's tables of columns: {refId, fields: [{name, type, values, labels}]}.
// Panels and transformations work on frames alone.

import { legend } from './elements.js';

/** One frame for all series of an answer: a column for the time, one for each label, and the value. */
function wide({ refId, series, time }, several) {
  const names = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
  const fields = [
    { name: 'Time', type: 'time', values: series.map(() => time * 1000) },
    ...names.map((name) => ({ name, type: 'string', values: series.map((one) => one.labels[name] ?? '') })),
    { name: several ? `Value #${refId}` : 'Value', type: 'number', values: series.map((one) => one.value) },
  ];
  return { refId, fields };
}

/** A frame for each series: its times and its values. */
function long({ refId, series, times, time, format }) {
  return series.map((one) => ({
    refId,
    name: legend(format, one.labels),
    fields: [
      { name: 'Time', type: 'time', values: (times ?? [time]).map((at) => at * 1000) },
      { name: 'Value', type: 'number', values: one.values ?? [one.value], labels: one.labels, display: legend(format, one.labels) },
    ],
  }));
}

/**
 * The frames of a panel's answers. An answer is {refId, format, table, series, time} of one moment or
 * {refId, format, series, times} over time.
 */
export function frames(answers) {
  return answers.flatMap((one) => (one.table && !one.times ? [wide(one, answers.length > 1)] : long(one)));
}

/** How many rows a frame has. */
export const rows = (frame) => frame.fields[0]?.values.length ?? 0;

/** A name as a person reads it. */
export const shown = (field) => field.display ?? field.name;

/** {name: value} of one row. */
export const row = (frame, at) => Object.fromEntries(frame.fields.map((field) => [field.name, field.values[at]]));

/** A frame of rows {name: value}; types are those of `like` by name, or of the first value. */
export function fromRows(found, like = []) {
  const types = new Map(like.map((field) => [field.name, field]));
  const names = [...new Set([...like.map((field) => field.name), ...found.flatMap((one) => Object.keys(one))])];
  return {
    refId: 'A',
    fields: names.map((name) => {
      const values = found.map((one) => one[name] ?? null);
      const first = values.find((value) => value !== null);
      return { ...types.get(name), name, type: types.get(name)?.type ?? (typeof first === 'number' ? 'number' : 'string'), values };
    }),
  };
}
