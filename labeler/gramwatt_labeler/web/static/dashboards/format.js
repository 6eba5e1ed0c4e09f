// Numbers for people, by Grafana's names of units.

const PREFIXES = [
  [1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, ''], [1e-3, 'm'], [1e-6, 'µ'],
];
const SI = { watt: 'W', joule: 'J', watth: 'Wh' };
const DURATIONS = [[604800, 'w'], [86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's'], [1e-3, 'ms'], [1e-6, 'µs']];

/** Three digits that matter, or exactly `decimals` behind the point. */
function digits(value, decimals) {
  if (decimals !== undefined && decimals !== null) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return value.toFixed(0);
  return String(Number(value.toPrecision(3)));
}

function scaled(value, scales, decimals) {
  const size = Math.abs(value);
  const [factor, name] = scales.find(([limit]) => size >= limit * 0.9995) ?? [1, scales.find(([one]) => one === 1)[1]];
  return [digits(value / factor, decimals), name];
}

/** `value` in `unit` as [number, unit] texts. */
export function parts(value, unit = 'none', decimals = null) {
  if (value === null || value === undefined || Number.isNaN(value)) return ['–', ''];
  if (!Number.isFinite(value)) return [value > 0 ? '∞' : '-∞', ''];
  if (SI[unit]) {
    const [number, prefix] = scaled(value, PREFIXES, decimals);
    return [number, prefix + SI[unit]];
  }
  if (unit === 'massg') {
    return Math.abs(value) >= 1e6 ? [digits(value / 1e6, decimals), 't'] : scaled(value, [[1e3, 'kg'], [1, 'g'], [1e-3, 'mg'], [1e-6, 'µg']], decimals);
  }
  if (unit === 'percentunit') {
    const tiny = value > 0 && value < 1e-4 && (decimals ?? null) === null;
    return [tiny ? '<0.01' : digits(value * 100, decimals), '%'];
  }
  if (unit === 'percent') return [digits(value, decimals), '%'];
  if (unit === 's') return scaled(value, DURATIONS, Math.abs(value) < 60 && Math.abs(value) >= 1 ? decimals : null);
  if (unit === 'dateTimeAsIso') return [date(value), ''];
  if (unit === 'short') return scaled(value, PREFIXES.filter(([factor]) => factor >= 1), decimals);
  if (unit.startsWith('suffix:')) return [digits(value, decimals), unit.slice(7).trim()];
  return [digits(value, decimals), ''];
}

/** `value` in `unit` as one text. */
export function text(value, unit, decimals) {
  const [number, name] = parts(value, unit, decimals);
  if (!name) return number;
  return name === '%' || name === '×' ? `${number}${name}` : `${number} ${name}`;
}

/** Milliseconds since 1970 -> local date and time. */
export function date(milliseconds) {
  const at = new Date(milliseconds);
  const pad = (n) => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ` +
    `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** Unix seconds -> the label of a time axis whose labels are `step` seconds apart. */
export function tick(at, step) {
  const [day, time] = date(at * 1000).split(' ');
  if (step >= 86400) return day.slice(5);
  if (time === '00:00:00') return day.slice(5);
  return step >= 60 ? time.slice(0, 5) : time;
}
