// Tables as Grafana itself makes them: its transformations and field overrides, from npm (@grafana/data), no browser.
// Standard input: [{panel, results: [{refId, rows: [{metric, value}]}]}]; output: [{columns, rows}] of displayed texts.

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
const { firstValueFrom } = require('rxjs');

const same = (value) => value;
const settings = new data.FieldConfigOptionsRegistry(() =>
  ['unit', 'decimals', 'mappings', 'noValue', 'thresholds', 'links', 'min', 'max', 'displayName', 'color'].map((id) => ({
    id, path: id, name: id, description: id, process: same, shouldApply: () => true, override: same, editor: same,
  })));
const transformers = new Map(Object.values(data.standardTransformers).map((one) => [one.id, one])); // some have two names
data.standardTransformersRegistry.setInit(() =>
  [...transformers.values()].map((transformation) => ({
    id: transformation.id, name: transformation.name, transformation, editor: same, imageDark: '', imageLight: '',
  })));

/** As Grafana's Prometheus data source does: one frame for each query that found something. */
function frames(results) {
  const found = results.filter((one) => one.rows.length);
  return found.map(({ refId, rows }) => {
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
  });
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
      return value === undefined || value === null ? null : data.formattedValueToString(field.display(value));
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
