// Numbers for people, by Grafana's names of units.

const METRIC = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, ''], [1e-3, 'm'], [1e-6, 'µ'], [1e-9, 'n'], [1e-12, 'p']];
const LARGE = METRIC.filter(([factor]) => factor >= 1);
const BINARY = [[2 ** 40, 'Ti'], [2 ** 30, 'Gi'], [2 ** 20, 'Mi'], [1024, 'Ki'], [1, '']];
const GRAMS = [[1e6, 't'], [1e3, 'kg'], [1, 'g'], [1e-3, 'mg'], [1e-6, 'µg'], [1e-9, 'ng'], [1e-12, 'pg']];
const DURATIONS = [[604800, 'w'], [86400, 'd'], [3600, 'h'], [60, 'min'], [1, 's'], [1e-3, 'ms'], [1e-6, 'µs']];

const SI = {
  watt: ['W', 1], mwatt: ['W', 1e-3], kwatt: ['W', 1e3], megwatt: ['W', 1e6], joule: ['J', 1], watth: ['Wh', 1], kwatth: ['Wh', 1e3], hertz: ['Hz', 1],
  volt: ['V', 1], amp: ['A', 1], litre: ['L', 1], mlitre: ['L', 1e-3], lengthm: ['m', 1], lengthkm: ['m', 1e3], bytes: ['B', 1, BINARY], decbytes: ['B', 1],
  Bps: ['B/s', 1], binBps: ['B/s', 1, BINARY],
};
const MASS = { massg: 1, masskg: 1e3, masst: 1e6, massmg: 1e-3 };
const TIME = { ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400, dtdurations: 1, dtdurationms: 1e-3 };
const PLAIN = { celsius: '°C', fahrenheit: '°F', percent: '%', ops: 'ops/s', reqps: 'req/s', rps: 'reads/s', cps: 'counts/s', rothz: 'Hz', humidity: '%H', none: '', number: '', locale: '', '': '' };
const MONEY = { currencyEUR: '€', currencyUSD: '$', currencyGBP: '£', currencyCHF: 'CHF', currencyJPY: '¥' };

/** Three digits that matter, or exactly `decimals` behind the point. */
function digits(value, decimals) {
  if (decimals !== undefined && decimals !== null) return value.toFixed(decimals);
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 1e4) return Math.round(value).toLocaleString('en');
  if (size >= 100) return value.toFixed(0);
  return size < 1e-6 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}

function scaled(value, scales, decimals) {
  const size = Math.abs(value);
  const [factor, name] = scales.find(([limit]) => size >= limit * 0.9995) ?? [1, scales.find(([one]) => one === 1)[1]];
  return [digits(value / factor, decimals), name];
}

const pad = (n) => String(n).padStart(2, '0');

/** Milliseconds since 1970 -> local date and time. */
export function date(milliseconds) {
  const at = new Date(milliseconds);
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** Milliseconds since 1970 -> "14:12", with the day when it is another one. */
export function clock(milliseconds, now = Date.now()) {
  const [day, time] = date(milliseconds).split(' ');
  return day === date(now).split(' ')[0] ? time.slice(0, 5) : `${day} ${time.slice(0, 5)}`;
}

function ago(milliseconds) {
  const off = (milliseconds - Date.now()) / 1000;
  const [number, unit] = scaled(Math.abs(off), DURATIONS.filter(([size]) => size >= 1), null);
  const words = `${Math.round(Number(number))} ${unit}`;
  return Math.abs(off) < 1 ? 'now' : off > 0 ? `in ${words}` : `${words} ago`;
}

/** moment.js' letters, as far as dates of people use them. */
function spelled(milliseconds, letters) {
  const at = new Date(milliseconds);
  const words = (options) => at.toLocaleString('en', options);
  const parts = {
    YYYY: at.getFullYear(), YY: pad(at.getFullYear() % 100), MMMM: words({ month: 'long' }), MMM: words({ month: 'short' }), MM: pad(at.getMonth() + 1), M: at.getMonth() + 1,
    DD: pad(at.getDate()), D: at.getDate(), dddd: words({ weekday: 'long' }), ddd: words({ weekday: 'short' }), HH: pad(at.getHours()), H: at.getHours(),
    mm: pad(at.getMinutes()), ss: pad(at.getSeconds()),
  };
  return letters.replace(/\[([^\]]*)\]|YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|HH|H|mm|ss/g, (found, literal) => literal ?? parts[found]);
}

function instant(value, unit) {
  if (unit === 'dateTimeFromNow') return ago(value);
  if (unit.startsWith('time:')) return spelled(value, unit.slice(5));
  if (unit.endsWith('NoDateIfToday')) return clock(value);
  return unit === 'dateTimeAsLocal' ? date(value).slice(0, 16) : date(value);
}

function custom(value, unit, decimals) {
  const [kind, ...rest] = unit.split(':');
  const text = rest.join(':').trim();
  if (kind === 'suffix') return [digits(value, decimals), text];
  if (kind === 'prefix' || kind === 'currency') return [text + digits(value, decimals ?? (kind === 'currency' ? 2 : null)), ''];
  if (kind === 'si') {
    const [number, prefix] = scaled(value, METRIC, decimals);
    return [number, prefix + text];
  }
  if (kind === 'count') {
    const [number, prefix] = scaled(value, LARGE, decimals);
    return [number + prefix, text];
  }
  return null;
}

/** Whether a panel may name this unit. */
export function known(unit) {
  return !unit || unit === 'string' || unit === 'short' || unit === 'percentunit' || unit.startsWith('dateTime') || unit.startsWith('bool')
    || /^(time|suffix|prefix|currency|si|count):/.test(unit) || [SI, MASS, TIME, PLAIN, MONEY].some((table) => unit in table);
}

/** `value` in `unit` as [number, unit] texts. */
export function parts(value, unit = 'none', decimals = null) {
  if (value === null || value === undefined || Number.isNaN(value)) return ['–', ''];
  if (unit === 'string') return [String(value), ''];
  if (!Number.isFinite(value)) return [value > 0 ? '∞' : '-∞', ''];
  if (SI[unit]) {
    const [name, factor, scale = METRIC] = SI[unit];
    const [number, prefix] = scaled(value * factor, scale, decimals);
    return [number, prefix + name];
  }
  if (MASS[unit]) return scaled(value * MASS[unit], GRAMS, decimals);
  if (unit === 'percentunit') {
    const tiny = value > 0 && value < 1e-4 && (decimals ?? null) === null;
    return [tiny ? '<0.01' : digits(value * 100, decimals), '%'];
  }
  if (TIME[unit]) {
    const size = value * TIME[unit];
    return scaled(size, DURATIONS, Math.abs(size) < 60 && Math.abs(size) >= 1 ? decimals : null);
  }
  if (unit.startsWith('dateTime') || unit.startsWith('time:')) return [instant(value, unit), ''];
  if (unit === 'short') return value > 0 && value < 1e-4 && (decimals ?? null) === null ? ['<0.0001', ''] : scaled(value, LARGE, decimals);
  if (MONEY[unit]) return [MONEY[unit] + digits(value, decimals ?? (Math.abs(value) >= 0.1 || value === 0 ? 2 : null)), ''];
  if (unit.startsWith('bool')) return [value ? { bool: 'true', bool_on_off: 'on' }[unit] ?? 'yes' : { bool: 'false', bool_on_off: 'off' }[unit] ?? 'no', ''];
  return custom(value, unit, decimals) ?? [digits(value, decimals), PLAIN[unit] ?? unit];
}

/** `value` in `unit` as one text. */
export function text(value, unit, decimals) {
  const [number, name] = parts(value, unit, decimals);
  if (!name) return number;
  return name === '%' || name === '×' || name.startsWith('°') ? `${number}${name}` : `${number} ${name}`;
}

/** Seconds as hours, minutes and seconds: "1 h 10 min", never "1.17 h". */
export function span(seconds) {
  if (seconds < 60) return text(seconds, 's');
  const whole = Math.round(seconds);
  const known = [[Math.floor(whole / 3600), 'h'], [Math.floor((whole % 3600) / 60), 'min'], [whole < 3600 ? whole % 60 : 0, 's']];
  return known.filter(([number]) => number).map(([number, unit]) => `${number} ${unit}`).join(' ');
}

/** Unix seconds -> the label of a time axis whose labels are `step` seconds apart. */
export function tick(at, step) {
  const [day, time] = date(at * 1000).split(' ');
  if (step >= 86400 || time === '00:00:00') return day.slice(5);
  return step >= 60 ? time.slice(0, 5) : time;
}
