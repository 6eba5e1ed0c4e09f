// The settings of a field: the panel's defaults, then the overrides that match it.

import { known } from './format.js';

const PLAIN = ['unit', 'decimals', 'min', 'max', 'mappings', 'thresholds', 'displayName', 'links', 'noValue', 'description'];

/** "/x/i" -> RegExp; other text is a RegExp of its own, or of nothing where it is none. */
export function pattern(text) {
  const match = /^\/(.*)\/([gimsuy]*)$/s.exec(text ?? '');
  try {
    return match ? new RegExp(match[1], match[2].replace('g', '')) : new RegExp(`^(?:${text})$`);
  } catch {
    return /(?!)/;
  }
}

function matches({ id, options }, name, facts) {
  if (id === 'byName') return options === name || options === facts.from;
  if (id === 'byRegexp') return pattern(options).test(name);
  if (id === 'byType') return options === facts.type;
  if (id === 'byFrameRefID') return options === facts.refId;
  if (id === 'byNames') return (options?.names ?? []).includes(name) !== (options?.mode === 'exclude');
  return false;
}

/**
 * {unit, decimals, mappings, thresholds, colour, links, custom, ...} for the field called `name`; `facts` are its
 * type (number, string, time), the query it is from, and its name before it was renamed.
 */
export function settings(panel, name, facts = {}) {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const found = { mappings: [], links: [], colour: null, mode: defaults.color?.mode, custom: { ...defaults.custom } };
  if (defaults.color?.mode === 'fixed') found.colour = defaults.color.fixedColor ?? null;
  // What a panel says where it is empty (noValue) is no text for a cell; an override's is.
  for (const key of PLAIN) if (key !== 'noValue' && defaults[key] !== undefined) found[key] = defaults[key];
  for (const one of panel.fieldConfig?.overrides ?? []) {
    if (!matches(one.matcher, name, facts)) continue;
    for (const { id, value } of one.properties) {
      if (id === 'color') [found.colour, found.mode] = [value?.fixedColor ?? null, value?.mode];
      else if (id.startsWith('custom.')) found.custom[id.slice(7)] = value;
      else if (PLAIN.includes(id)) found[id] = value;
    }
  }
  found.cell = found.custom.cellOptions?.type ?? found.custom.displayMode ?? null;
  return found;
}

const SPECIAL = {
  null: (value) => value === null || value === undefined, nan: (value) => Number.isNaN(value), true: (value) => value === true, false: (value) => value === false,
  'null+nan': (value) => value === null || value === undefined || Number.isNaN(value), empty: (value) => value === '',
};

/** The mapping ({text, color}) for a value, or null. The first that fits counts. */
export function mapped(mappings, value) {
  for (const { type, options } of mappings ?? []) {
    if (type === 'value' && options[String(value)]) return options[String(value)];
    if (type === 'range' && typeof value === 'number' && value >= (options.from ?? -Infinity) && value <= (options.to ?? Infinity)) return options.result;
    if (type === 'special' && SPECIAL[options.match]?.(value)) return options.result;
    if (type === 'regex' && value !== null && value !== undefined && pattern(options.pattern).test(String(value))) {
      const { text, ...rest } = options.result;
      const shown = text && String(value).replace(pattern(options.pattern), text);
      return { ...rest, text: shown ?? String(value) };
    }
  }
  return null;
}

/** What the panel's settings name and this page does not know. */
export function unknown(panel) {
  const { defaults = {}, overrides = [] } = panel.fieldConfig ?? {};
  const properties = overrides.flatMap((one) => one.properties ?? []);
  const mappings = [defaults.mappings, ...properties.filter((one) => one.id === 'mappings').map((one) => one.value)].flat();
  const units = [defaults.unit, ...properties.filter((one) => one.id === 'unit').map((one) => one.value)];
  return [
    ...overrides.map((one) => one.matcher.id).filter((id) => !['byName', 'byRegexp', 'byType', 'byFrameRefID', 'byNames'].includes(id)).map((id) => `matcher "${id}"`),
    ...mappings.filter((one) => one && !['value', 'range', 'special', 'regex'].includes(one.type)).map((one) => `mapping "${one.type}"`),
    ...units.filter((one) => !known(one)).map((one) => `unit "${one}"`),
  ];
}
