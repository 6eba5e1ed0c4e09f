// Grafana's colour names as our palette, which knows light and dark (see palette.css).

const NAMED = ['blue', 'green', 'orange', 'red', 'purple', 'yellow', 'text'];
const SERIES = 9; // the tenth is as grey as what stands for others and idle

const style = () => getComputedStyle(document.documentElement);

/** A CSS colour for one of Grafana's names ("dark-red", "text") or a literal (#3a3). */
export function named(name) {
  const base = (name ?? 'text').replace(/^(semi-|super-)?(dark|light)-/, '');
  if (base === 'transparent' || base === 'gray' || base === 'grey') return style().getPropertyValue('--c-text').trim();
  return NAMED.includes(base) ? style().getPropertyValue(`--c-${base}`).trim() : name;
}

/** The same for surfaces, which need less contrast than text and may be brighter. */
export function surface(name) {
  const base = (name ?? 'text').replace(/^(semi-|super-)?(dark|light)-/, '');
  return style().getPropertyValue(`--f-${base}`).trim() || named(name);
}

/** The n-th colour for series nobody gave a colour. */
export function nth(n) {
  return style().getPropertyValue(`--s-${n % SERIES}`).trim();
}

/** The same colour, see-through. */
export function faded(colour, percent) {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
}

/** The colour name of the highest step that `value` reaches; in percent of `least` to `most` where the steps are. */
export function step(thresholds, value, least = 0, most = 100) {
  const steps = thresholds?.steps ?? [];
  const at = thresholds?.mode === 'percentage' ? (100 * (value - least)) / (most - least || 1) : value;
  let found = steps[0]?.color ?? 'text';
  for (const one of steps) {
    if (one.value === null || one.value === undefined || at >= one.value) found = one.color;
  }
  return found;
}
