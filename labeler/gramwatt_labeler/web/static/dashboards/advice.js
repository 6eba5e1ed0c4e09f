// What to do when a panel has nothing to show. A panel's own text (noValue) comes first.

import { marked } from './prose.js';
import * as prometheus from './prometheus.js';

const ZONE = 'No grid zone is set, so no gram is counted. Name your zone in the exporter\'s configuration, and start it again:\n\n```\nintensity:\n  zone: FR\n```';
const RUN = 'No run has been recorded in this time range. Record one:\n\n```\ngramwatt run --name NAME --phase training --value samples=N -- COMMAND\n```';
const BUDGET = 'No budget is set. Set one on a machine, or with `make budget` where `make up` runs it:\n\n```\ngramwatt-exporter budgets add whole-machine --limit 50kg --period month\n```';
const GRADE = 'No finished run has been graded in this time range. The labeler grades a run within a minute of its end, when the run says how much it did:\n\n```\ngramwatt run --name NAME --phase training --value samples=N -- COMMAND\n```';

const ADVICE = [
  [/gramwatt_(budget|.*budget_)/, BUDGET],
  [/gramwatt_(grade|efficiency_index)/, GRADE],
  [/gramwatt_window/, RUN],
  [/gramwatt_(grid|priced|.*emissions)/, ZONE],
  [/component="gpu"|gramwatt_gpu/, 'No graphics card is measured here. See which sensors work, and why others do not:\n\n```\ngramwatt-exporter sensors\n```'],
  [/gramwatt_process|gramwatt_workload|gramwatt_user/, 'No process has used energy in this time range. The exporter lists the processes that use most; `process.series` says how many.'],
  [/gramwatt_sensor/, 'No sensor has reported yet. See which work:\n\n```\ngramwatt-exporter sensors\n```'],
];

const NAMES = /\b(?:[a-z_]+:)?gramwatt_[a-z0-9_]+(?::[a-z0-9_]+)?|\bALERTS\b|\bup\b/g;

/** Names of the metrics that Prometheus has not got at all in this range; null when it cannot say. */
async function missing(names, scope, signal) {
  const expr = `count by (__name__) (last_over_time({__name__=~"${names.join('|')}"}[${Math.max(60, Math.round(scope.end - scope.start))}s]))`;
  const found = await prometheus.instant(expr, scope.now, signal).catch(() => null);
  return found && names.filter((name) => !found.some((one) => one.labels.__name__ === name));
}

/** Why there is nothing, and what to do: text as prose.js reads it. */
export async function advice(panel, queries, scope, signal) {
  const { noValue } = panel.fieldConfig?.defaults ?? {};
  if (noValue) return marked(noValue);
  const text = queries.map((one) => one.expr).join(' ');
  const names = [...new Set(text.match(NAMES) ?? [])];
  const gone = names.length ? await missing(names, scope, signal) : [];
  if (gone?.length) {
    const found = ADVICE.find(([metric]) => gone.some((name) => metric.test(name)) || metric.test(text));
    const fact = `Prometheus has no ${gone.map((name) => `\`${name}\``).join(', no ')} in this time range.`;
    if (scope.newest === null) return `No exporter has reported in this time range. Is it running, and does Prometheus scrape it?\n\n\`\`\`\nsystemctl status gramwatt-exporter\n\`\`\`\n\n${fact}`;
    return found ? `${found[1]}\n\n${fact}` : fact;
  }
  return 'Nothing matches the choice above. Choose another machine or a longer time range.';
}
