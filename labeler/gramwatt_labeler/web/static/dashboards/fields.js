// The settings of a field: the panel's defaults, then the overrides that match its name.

/** {unit, decimals, mappings, thresholds, colour, cell} for the field called `name`. */
export function settings(panel, name) {
  const defaults = panel.fieldConfig?.defaults ?? {};
  const found = {
    unit: defaults.unit, decimals: defaults.decimals, min: defaults.min, max: defaults.max,
    mappings: defaults.mappings ?? [], thresholds: defaults.thresholds, colour: null, cell: null,
  };
  for (const one of panel.fieldConfig?.overrides ?? []) {
    if (one.matcher.id !== 'byName' || one.matcher.options !== name) continue;
    for (const { id, value } of one.properties) {
      if (id === 'color') found.colour = value.fixedColor ?? null;
      else if (id === 'custom.cellOptions') found.cell = value.type;
      else if (id in found) found[id] = value;
    }
  }
  return found;
}

/** The mapping ({text, color}) for a value, or null. */
export function mapped(mappings, value) {
  for (const one of mappings) {
    if (one.type === 'value' && one.options[String(value)]) return one.options[String(value)];
  }
  return null;
}
