// Grafana's colour names as our palette, which knows light and dark (see dashboards.css).

const NAMED = ['blue', 'green', 'orange', 'red', 'purple', 'yellow', 'text'];
const SERIES = 10;

const style = () => getComputedStyle(document.documentElement);

/** A CSS colour for one of Grafana's names ("dark-red", "text") or a literal (#3a3). */
export function named(name) {
  const base = name.replace(/^(semi-|super-)?(dark|light)-/, '');
  return NAMED.includes(base) ? style().getPropertyValue(`--c-${base}`).trim() : name;
}

/** The n-th colour for series nobody gave a colour. */
export function nth(n) {
  return style().getPropertyValue(`--s-${n % SERIES}`).trim();
}

/** The same colour, see-through. */
export function faded(colour, percent) {
  return `color-mix(in srgb, ${colour} ${percent}%, transparent)`;
}

/** The colour name of the highest step that `value` reaches. */
export function step(thresholds, value) {
  const steps = thresholds?.steps ?? [];
  let found = steps[0]?.color ?? 'text';
  for (const one of steps) {
    if (one.value === null || one.value === undefined || value >= one.value) found = one.color;
  }
  return found;
}
