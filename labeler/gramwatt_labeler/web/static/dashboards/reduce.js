// A curve as one number, by Grafana's names.

const known = (values) => values.filter((value) => value !== null && value !== undefined);
const quantile = (share) => (values) => {
  const sorted = known(values).sort((a, b) => a - b);
  if (!sorted.length) return null;
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
};
const fold = (combine) => (values) => (known(values).length ? known(values).reduce(combine) : null);

const sum = (values) => known(values).reduce((total, value) => total + value, 0);
const mean = (values) => (known(values).length ? sum(values) / known(values).length : null);

export const REDUCERS = {
  lastNotNull: (values) => known(values).at(-1) ?? null,
  last: (values) => values.at(-1) ?? null,
  firstNotNull: (values) => known(values)[0] ?? null,
  first: (values) => values[0] ?? null,
  min: fold((a, b) => Math.min(a, b)),
  max: fold((a, b) => Math.max(a, b)),
  mean,
  median: quantile(0.5),
  sum: (values) => (known(values).length ? sum(values) : null),
  count: (values) => known(values).length,
  range: (values) => (known(values).length ? fold((a, b) => Math.max(a, b))(values) - fold((a, b) => Math.min(a, b))(values) : null),
  diff: (values) => (known(values).length ? known(values).at(-1) - known(values)[0] : null),
  delta: (values) => known(values).reduce((total, value, at, all) => total + (at ? Math.max(0, value - all[at - 1]) : 0), 0),
  distinctCount: (values) => new Set(known(values)).size,
  stdDev: (values) => {
    const middle = mean(values);
    return middle === null ? null : Math.sqrt(mean(known(values).map((value) => (value - middle) ** 2)));
  },
};

/** The reducer called `name`, or null. "p95" and the like are known. */
export function reducer(name) {
  const share = /^p(\d+)$/.exec(name ?? '');
  return REDUCERS[name] ?? (share ? quantile(Number(share[1]) / 100) : null);
}

/** What a legend or a column calls it. */
export const TITLES = { lastNotNull: 'Last', last: 'Last', firstNotNull: 'First', first: 'First', min: 'Min', max: 'Max', mean: 'Mean', median: 'Median', sum: 'Total', count: 'Count', range: 'Range', diff: 'Change', delta: 'Increase' };
