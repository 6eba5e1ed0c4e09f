// What stat, gauge and bar gauge panels show: each series, or each row, as one value.

import { pattern, settings } from './fields.js';
import { rows, shown } from './frames.js';
import { words } from './links.js';
import { reducer } from './reduce.js';

function wanted(fields, said) {
  if (!said) return fields.filter((field) => field.type === 'number');
  return fields.filter((field) => (said.startsWith('/') ? pattern(said).test(shown(field)) : shown(field) === said || field.name === said));
}

function title(own, frame, at, panel, scope, several) {
  const facts = { type: own.type, refId: frame.refId, from: own.name };
  const field = settings(panel, shown(own), facts);
  const name = field.displayName ? words(field.displayName, scope, { frame, own, at }) : shown(own);
  if (field.displayName || !several) return [name, field];
  const text = frame.fields.filter((one) => one.type === 'string').map((one) => one.values[at]).filter(Boolean).join(' ');
  return [text || name, field];
}

/**
 * [{name, value, field, frame, own, at, times, values, late}]. `late` is the moment of a value that is older than two
 * scrapes, in seconds; null for one of now.
 */
export function values(frames, panel, scope) {
  const { calcs = ['lastNotNull'], values: each = false, fields = '', limit } = panel.options?.reduceOptions ?? {};
  const reduce = reducer(calcs[0]) ?? reducer('lastNotNull');
  const found = frames.flatMap((frame) => wanted(frame.fields, fields).flatMap((own) => {
    const time = frame.fields.find((field) => field.type === 'time');
    if (each || (!own.labels && rows(frame) > 1 && !time)) {
      return own.values.map((value, at) => ({ value, own, frame, at, ...pair(title(own, frame, at, panel, scope, true)) }));
    }
    const at = own.values.findLastIndex((value) => value !== null);
    const value = own.type === 'number' ? reduce(own.values) : own.values[at];
    const last = time?.values[at] / 1000;
    const now = calcs[0]?.startsWith('last') && own.labels;
    const late = now && scope.now - last > 2 * scope.scrape + 1 ? last : null;
    return [{ value, own, frame, at, late, times: time?.values, values: own.values, ...pair(title(own, frame, at, panel, scope, false)) }];
  })).filter((one) => one.value !== null && one.value !== undefined);
  return limit && each ? found.slice(0, limit) : found;
}

const pair = ([name, field]) => ({ name, field });
