// Data links, panel links and links of dashboards: Grafana's addresses as pages of this server.

import { shown } from './frames.js';

const HOME = document.body.dataset.home ?? './';
const PLACE = /\$\{__(\w+)(?:\.([\w]+))?(?:\.([\w-]+)|\[(?:"([^"]+)"|'([^']+)'|(\d+))\])?(?::\w+)?\}/g;

function field(context, name, index) {
  const { frame } = context;
  if (!frame) return null;
  return index !== undefined ? frame.fields[index] : frame.fields.find((one) => shown(one) === name || one.name === name || one.from === name);
}

/** `${__data.fields["Machine"]}`, `${__value.text}` and their like; null for what is none of them. */
function value(context, what, part, key, index) {
  const { own, at, text } = context;
  if (what === 'data' && part === 'fields') return field(context, key, index)?.values[at] ?? '';
  if (what === 'value') return { text, raw: own?.values?.[at], numeric: own?.values?.[at], time: context.time }[part] ?? '';
  if (what === 'field' || what === 'series') return part === 'labels' ? own?.labels?.[key] ?? '' : own ? shown(own) : '';
  return null;
}

/** `text` with the places of a cell filled in, each written by `encode`. */
function filled(text, context, encode) {
  const direct = text.replace(/\$\{__data\.fields\[(?:"([^"]+)"|'([^']+)'|(\d+))\](?::\w+)?\}/g,
    (_, a, b, index) => encode(String(field(context, a ?? b, index)?.values[context.at] ?? '')));
  return direct.replace(PLACE, (whole, what, part, a, b, c, index) => {
    const found = value(context, what, part, a ?? b ?? c, index);
    return found === null ? whole : encode(String(found));
  });
}

/** Where an address of Grafana's leads here; null for one that leads nowhere or runs a script. */
export function local(address) {
  const board = /^\/?d\/([\w-]+)(?:\/[^?#]*)?([?#].*)?$/.exec(address);
  if (board) return `${HOME}${board[1]}${board[2] ?? ''}`;
  return /^(https?:\/\/|\/(?!\/)|\.{0,2}\/|\?|#)/.test(address) && !/^\/explore/.test(address) ? address : null;
}

/** {href, title, away} of one of Grafana's links, or null. `context` is {frame, own, at, text} of a cell. */
export function link({ url = '', title = '', targetBlank }, scope, context = {}) {
  const href = local(scope.say(filled(url, context, encodeURIComponent)));
  return href && { href, title: scope.say(filled(title, context, (text) => text)) || 'Open', away: Boolean(targetBlank) };
}

/** A name with its places filled in, as displayName has them. */
export function words(text, scope, context) {
  return scope.say(filled(text, context, (one) => one).replace(/\$\{?__cell_(\d+)\}?/g, (_, index) => context.frame?.fields[index]?.values[context.at] ?? ''));
}
