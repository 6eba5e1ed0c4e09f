// What happened, as the dashboard's annotations ask for it: moments and spans that charts mark.

import { legend } from './elements.js';
import { words } from './links.js';
import * as prometheus from './prometheus.js';

/** The annotations this page can ask for. Grafana's own list of alerts is none of Prometheus'. */
export function listed(dashboard) {
  return (dashboard.annotations?.list ?? []).filter((one) => !one.builtIn && (one.expr || one.target?.expr));
}

function events(one, { times, series }, scope, step) {
  const moment = one.useValueForTime === 'on' || one.useValueForTime === true || one.target?.useValueForTime;
  return series.flatMap(({ labels, values }) => {
    const say = (text) => words(legend(text, labels), scope, {});
    const facts = { title: say(one.titleFormat ?? one.target?.titleFormat ?? '') || one.name, text: say(one.textFormat ?? one.target?.textFormat ?? ''), colour: one.iconColor ?? 'purple' };
    if (moment) return [...new Set(values.filter((value) => value !== null))].map((value) => ({ ...facts, start: value > 1e11 ? value / 1000 : value }));
    const found = [];
    values.forEach((value, at) => {
      if (!value) return;
      const last = found.at(-1);
      if (last && times[at] - last.end <= step * 1.5) last.end = times[at];
      else found.push({ ...facts, start: times[at], end: times[at] });
    });
    return found;
  });
}

/** Everything that happened in the range, oldest first. What cannot be asked is left out. */
export async function happened(dashboard, scope) {
  const wanted = listed(dashboard).filter((one) => one.enable !== false && !scope.annotations.has(one.name));
  const step = scope.step(300);
  const all = await Promise.all(wanted.map(async (one) => {
    const expr = scope.fill(one.expr ?? one.target.expr, step);
    const from = Math.floor(scope.start / step) * step;
    const found = await prometheus.range(expr, from, Math.floor(scope.end / step) * step, step).catch(() => null);
    return found ? events(one, found, scope, step) : [];
  }));
  return all.flat().filter((one) => one.start <= scope.end && (one.end ?? one.start) >= scope.start).sort((a, b) => a.start - b.start);
}
