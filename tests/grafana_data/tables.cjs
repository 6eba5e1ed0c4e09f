// Tables as Grafana itself makes them: its transformations and field overrides, from npm (@grafana/data), no browser.
// Standard input: [{panel, results: [{refId, curve, rows: [{metric, value}]}]}]; output: [{columns, rows}] of displayed texts.

const { JSDOM } = require('jsdom');

const page = new JSDOM('<!doctype html>', { url: 'http://localhost' }).window;
for (const name of ['window', 'document', 'navigator', 'localStorage', 'HTMLElement', 'Node', 'Element', 'DOMParser']) {
  const value = name === 'window' ? page : page[name];
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
page.matchMedia = () => ({ matches: false, addListener() {}, addEventListener() {} });
globalThis.matchMedia = page.matchMedia;

for (const name of ['log', 'info', 'warn', 'debug']) console[name] = console.error; // standard output is the answer
const data = require('@grafana/data');
const { firstValueFrom, map } = require('rxjs');

const same = (value) => value;
const settings = new data.FieldConfigOptionsRegistry(() =>
  ['unit', 'decimals', 'mappings', 'noValue', 'thresholds', 'links', 'min', 'max', 'displayName', 'color'].map((id) => ({
    id, path: id, name: id, description: id, process: same, shouldApply: () => true, override: same, editor: same,
  })));
/** "Time series to table" is of Grafana itself and in no package. As its documentation says: of the series of a query a
 * table, a row for each with its labels, and a field "Trend" that holds the series for a sparkline. Tables stay. */
const timeSeriesTable = {
  id: 'timeSeriesTable', name: 'Time series to table', defaultOptions: {},
  operator: () => (source) => source.pipe(map((all) => {
    const made = new Map();
    for (const frame of all) {
      if (!frame.fields.some((field) => field.type === data.FieldType.number && field.labels)) made.set(frame, frame);
      else made.set(frame.refId, [...(made.get(frame.refId) ?? []), frame]);
    }
    return [...made].map(([refId, found]) => (Array.isArray(found) ? trends(refId, found) : found));
  })),
};
function trends(refId, series) {
  const value = (frame) => frame.fields.find((field) => field.type === data.FieldType.number);
  const labels = [...new Set(series.flatMap((frame) => Object.keys(value(frame).labels)))].sort();
  return {
    refId, length: series.length,
    fields: [
      ...labels.map((name) => ({
        name, type: data.FieldType.string, config: {}, values: series.map((frame) => value(frame).labels[name] ?? ''),
      })),
      { name: `Trend #${refId}`, type: data.FieldType.frame, config: {}, values: series },
    ],
  };
}
const standard = Object.values(data.standardTransformers);
const transformers = new Map([...standard, timeSeriesTable].map((one) => [one.id, one])); // some have two names
data.standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation, editor: same, imageDark: '', imageLight: '',
  })));

/** As Grafana's Prometheus data source does: one frame for each query that found something. */
function frames(results) {
  const found = results.filter((one) => one.rows.length);
  const curves = found.filter((one) => one.curve).flatMap(({ refId, rows }) => rows.map((row) => data.toDataFrame({
    refId,
    fields: [
      { name: 'Time', type: data.FieldType.time, config: {}, values: [1_700_000_000_000, 1_700_000_060_000] },
      { name: 'Value', type: data.FieldType.number, config: {}, labels: row.metric, values: [row.value, row.value] },
    ],
  })));
  return [...curves, ...found.filter((one) => !one.curve).map(({ refId, rows }) => {
    const labels = [...new Set(rows.flatMap((row) => Object.keys(row.metric)))].sort();
    const text = (name) => ({
      name, type: data.FieldType.string, config: { filterable: true }, values: rows.map((row) => row.metric[name] ?? ''),
    });
    return data.toDataFrame({
      refId,
      fields: [
        { name: 'Time', type: data.FieldType.time, config: {}, values: rows.map(() => 1_700_000_000_000) },
        ...labels.map(text),
        {
          name: found.length > 1 ? `Value #${refId}` : 'Value', type: data.FieldType.number, config: {},
          values: rows.map((row) => row.value),
        },
      ],
    });
  })];
}

/** A cell as text; of a curve how many points it has, and the last. */
function cell(field, value) {
  if (field.type !== data.FieldType.frame) return data.formattedValueToString(field.display(value));
  const points = value.fields.find((one) => one.type === data.FieldType.number)?.values;
  if (!points) return null; // a row without a curve
  return `curve of ${points.length} points, last ${points.at(-1)}`;
}

async function shown({ panel, results }) {
  const context = { interpolate: same };
  const made = await firstValueFrom(data.transformDataFrame(panel.transformations ?? [], frames(results), context));
  const [frame] = data.applyFieldOverrides({
    data: made, fieldConfig: panel.fieldConfig, theme: data.createTheme(), replaceVariables: same, timeZone: 'utc',
    fieldConfigRegistry: settings,
  });
  if (!frame) return { columns: [], rows: [] };
  const columns = frame.fields.map((field) => data.getFieldDisplayName(field, frame, made));
  const rows = [];
  for (let row = 0; row < frame.length; row += 1) {
    rows.push(frame.fields.map((field) => {
      const value = field.values[row];
      return value === undefined || value === null ? null : cell(field, value);
    }));
  }
  return { columns, rows };
}

let input = '';
process.stdin.on('data', (chunk) => { input += chunk; });
process.stdin.on('end', async () => {
  const answers = [];
  for (const one of JSON.parse(input)) answers.push(await shown(one));
  process.stdout.write(JSON.stringify(answers));
});
