// Grafana's time syntax: now, now-1h, now/d, now-1M/M, ISO dates, milliseconds since 1970.

export const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, M: 2592000, Q: 7776000, y: 31536000 };
const WORDS = { s: 'seconds', m: 'minutes', h: 'hours', d: 'days', w: 'weeks', M: 'months', y: 'years' };
const PARTS = { s: 'Seconds', m: 'Minutes', h: 'Hours', d: 'Date', M: 'Month', y: 'FullYear' };

export const RANGES = [
  ['now-5m', 'now', 'Last 5 minutes'], ['now-15m', 'now', 'Last 15 minutes'], ['now-1h', 'now', 'Last hour'], ['now-3h', 'now', 'Last 3 hours'],
  ['now-6h', 'now', 'Last 6 hours'], ['now-24h', 'now', 'Last 24 hours'], ['now-7d', 'now', 'Last 7 days'], ['now-30d', 'now', 'Last 30 days'],
  ['now-90d', 'now', 'Last 90 days'], ['now-1y', 'now', 'Last year'], ['now/d', 'now', 'Today'], ['now-1d/d', 'now-1d/d', 'Yesterday'],
  ['now/w', 'now', 'This week'], ['now-1w/w', 'now-1w/w', 'Last week'], ['now/M', 'now', 'This month'], ['now-1M/M', 'now-1M/M', 'Last month'],
  ['now/y', 'now', 'This year'],
];

/** "5m", "1h30m" -> seconds. Null for anything else. */
export function seconds(text) {
  if (!/^(\d+(ms|[smhdwMy]))+$/.test(text ?? '')) return null;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[smhdwMy])/g)) sum += unit === 'ms' ? count / 1000 : Number(count) * SECONDS[unit];
  return sum;
}

function add(date, count, unit) {
  if (unit === 'w') return add(date, 7 * count, 'd');
  if (unit === 'Q') return add(date, 3 * count, 'M');
  if (unit === 'M' || unit === 'y') {
    // The 31st a month ago is the last day of a shorter month, not a day of the next.
    const day = date.getDate();
    date.setDate(1);
    date[`set${PARTS[unit]}`](date[`get${PARTS[unit]}`]() + count);
    date.setDate(Math.min(day, new Date(date.getFullYear(), date.getMonth() + 1, 0).getDate()));
    return date;
  }
  if (unit === 'd') date.setDate(date.getDate() + count); // a day of a clock change has 23 or 25 hours
  else date.setTime(date.getTime() + 1000 * count * SECONDS[unit]);
  return date;
}

function floor(date, unit) {
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  if (unit === 'y') return new Date(year, 0, 1);
  if (unit === 'Q') return new Date(year, month - (month % 3), 1);
  if (unit === 'M') return new Date(year, month, 1);
  if (unit === 'w') return new Date(year, month, day - ((date.getDay() + 6) % 7)); // weeks begin on Mondays
  if (unit === 'd') return new Date(year, month, day);
  const size = 1000 * SECONDS[unit];
  return new Date(Math.floor(date.getTime() / size) * size);
}

/**
 * A moment as Unix seconds; null for anything that is none. `now` is in seconds. `up` rounds to the end of the unit
 * behind the slash, as the end of a range does.
 */
export function moment(text, now, up = false) {
  const said = String(text ?? '').trim();
  if (/^\d{10,}$/.test(said)) return Number(said) / 1000;
  if (!said.startsWith('now')) {
    const at = /^\d{4}-\d\d(-\d\d)?/.test(said) ? Date.parse(said.length === 10 ? `${said}T00:00` : said.replace(' ', 'T')) : NaN;
    return Number.isNaN(at) ? null : at / 1000;
  }
  let rest = said.slice(3).replace(/\s+/g, '');
  let date = new Date(now * 1000);
  while (rest) {
    const step = /^([-+])(\d+)([smhdwMQy])/.exec(rest);
    const round = /^\/([smhdwMQy])/.exec(rest);
    if (step) date = add(date, Number(step[1] + step[2]), step[3]);
    else if (round) {
      date = floor(date, round[1]);
      if (up) date = new Date(add(date, 1, round[1]).getTime() - 1);
    } else return null;
    rest = rest.slice((step ?? round)[0].length);
  }
  return date.getTime() / 1000;
}

/** What people call a range, or null. */
export function name(from, to) {
  const found = RANGES.find(([start, end]) => start === from && end === to);
  if (found) return found[2];
  const length = to === 'now' && /^now-(\d+[smhdwMy])$/.exec(from);
  return length ? `Last ${length[1].slice(0, -1)} ${WORDS[length[1].at(-1)]}` : null;
}
