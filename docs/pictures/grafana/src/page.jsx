// Draws a dashboard file with Grafana's own components, of what a Prometheus answers. What the file
// does not say has Grafana's defaults; what this page does not know is an error, and not left out.
import {
  applyFieldOverrides, createTheme, dateTime, EventBusSrv, FieldType, getDisplayValueAlignmentFactors,
  getFieldDisplayValues, rangeUtil, ThemeContext, VizOrientation,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import {
  BigValue, Button, GlobalStyles, PanelChrome, PanelContextProvider, TimeSeries, ToolbarButton, VizRepeater,
} from '@grafana/ui';
import { createRoot } from 'react-dom/client';

const asked = new URLSearchParams(location.search);
const { width: WIDTH, padding: PADDING, head: HEAD, row: ROW, gap: GAP } = JSON.parse(asked.get('sizes'));
const theme = createTheme({ colors: { mode: asked.get('theme') } });

const THRESHOLDS = { mode: 'absolute', steps: [{ color: 'green', value: null }, { color: 'red', value: 80 }] };
const DEFAULTS = {
  stat: {
    config: { thresholds: THRESHOLDS, color: { mode: 'thresholds' } },
    options: {
      reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' }, orientation: VizOrientation.Auto,
      colorMode: 'value', graphMode: 'area', justifyMode: 'auto', textMode: 'auto', text: {},
    },
  },
  timeseries: {
    config: {
      thresholds: THRESHOLDS, color: { mode: 'palette-classic' },
      custom: {
        drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none',
        showPoints: 'auto', pointSize: 5, spanNulls: false, stacking: { mode: 'none', group: 'A' },
        axisPlacement: 'auto', axisLabel: '', axisGridShow: true, axisBorderShow: false,
      },
    },
    options: { legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] } },
  },
};
const KNOWN = {
  panel: ['id', 'title', 'description', 'type', 'datasource', 'gridPos', 'fieldConfig', 'options', 'targets'],
  target: ['refId', 'expr', 'legendFormat', 'datasource', 'instant', 'range', 'editorMode'],
  config: ['unit', 'decimals', 'thresholds', 'color', 'min', 'max', 'noValue', 'custom'],
};

function onlyKnown(what, object) {
  const unknown = Object.keys(object).filter((key) => !KNOWN[what].includes(key));
  if (unknown.length) throw new Error(`this page does not know ${unknown} of a ${what}`);
}

function over(defaults, said) {
  const both = { ...defaults };
  for (const [key, value] of Object.entries(said ?? {})) {
    const inner = value && typeof value === 'object' && !Array.isArray(value) && key !== 'thresholds';
    both[key] = inner ? over(defaults[key] ?? {}, value) : value;
  }
  return both;
}

// --- the queries, as Grafana's Prometheus data source puts them

function rendered(legend, metric) {
  if (legend) return legend.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label) => metric[label] ?? '');
  const { __name__: name = '', ...labels } = metric;
  const inside = Object.entries(labels).map(([key, value]) => `${key}="${value}"`).join(', ');
  return inside ? `${name}{${inside}}` : name || '{}';
}

async function answered(target, range, width) {
  onlyKnown('target', target);
  const scrape = Number(asked.get('scrape'));
  const step = Math.max(rangeUtil.calculateInterval(range, Math.floor(width), `${scrape}s`).intervalMs / 1000, 1);
  const seconds = {
    $__rate_interval: Math.max(step + scrape, 4 * scrape), $__interval: step,
    $__range: (range.to.valueOf() - range.from.valueOf()) / 1000,
  };
  const query = target.expr.replace(/\$__\w+/g, (name) => (seconds[name] ? `${seconds[name]}s` : name));
  if (query.includes('$')) throw new Error(`a variable is left in ${query}`);
  const [from, to] = [range.from, range.to].map((each) => Math.floor(each.valueOf() / 1000 / step) * step);
  const parameters = target.instant ? { query, time: to } : { query, start: from, end: to, step };
  const path = target.instant ? '/api/v1/query' : '/api/v1/query_range';
  const reply = await (await fetch(`${path}?${new URLSearchParams(parameters)}`)).json();
  if (reply.status !== 'success') throw new Error(`${query}: ${reply.error}`);
  return reply.data.result.map(({ metric, value, values = [value] }) => ({
    refId: target.refId,
    length: values.length,
    fields: [
      { name: 'Time', type: FieldType.time, config: { interval: step * 1000 }, values: values.map(([at]) => at * 1000) },
      {
        name: 'Value', type: FieldType.number, labels: metric,
        config: { displayNameFromDS: rendered(target.legendFormat, metric) },
        values: values.map(([, text]) => (text === 'NaN' ? null : Number(text.replace('Inf', 'Infinity')))),
      },
    ],
  }));
}

async function withData(panel, range, column) {
  onlyKnown('panel', panel);
  const { fieldConfig, type, gridPos } = panel;
  if (!DEFAULTS[type]) throw new Error(`this page does not know panels of type ${type}`);
  if (fieldConfig.overrides.length) throw new Error('this page does not know overrides');
  onlyKnown('config', fieldConfig.defaults);
  const width = gridPos.w * (column + GAP) - GAP;
  const height = gridPos.h * (ROW + GAP) - GAP;
  const place = { left: gridPos.x * (column + GAP), top: gridPos.y * (ROW + GAP), position: 'absolute' };
  const frames = (await Promise.all(panel.targets.map((each) => answered(each, range, width)))).flat();
  for (const { fields: [, field] } of frames) {
    field.config = over(structuredClone(DEFAULTS[type].config), { ...structuredClone(fieldConfig.defaults), ...field.config });
  }
  const source = { defaults: {}, overrides: [] };
  const data = applyFieldOverrides({ data: frames, fieldConfig: source, replaceVariables: (text) => text, theme, timeZone: 'utc' });
  return { panel, data, width, height, place, options: over(DEFAULTS[type].options, panel.options) };
}

// --- the panels

function Stat({ data, options, range, width, height }) {
  const values = () =>
    getFieldDisplayValues({
      data, reduceOptions: options.reduceOptions, fieldConfig: { defaults: {}, overrides: [] }, theme, timeZone: 'utc',
      replaceVariables: (text) => text, sparkline: options.graphMode !== 'none',
    });
  const one = ({ value, alignmentFactors, count, ...size }) => (
    <BigValue
      {...size} {...options} theme={theme} value={value.display} count={count} alignmentFactors={alignmentFactors}
      sparkline={value.sparkline && { ...value.sparkline, timeRange: range }}
    />
  );
  return (
    <VizRepeater
      getValues={values} getAlignmentFactors={getDisplayValueAlignmentFactors} renderValue={one} source={data} width={width}
      height={height} itemSpacing={3} renderCounter={0} autoGrid orientation={options.orientation}
    />
  );
}

function Lines({ data, options, range, width, height }) {
  return <TimeSeries frames={data} legend={options.legend} timeRange={range} timeZone="utc" width={width} height={height} />;
}

function Panel({ panel, range, data, options, width, height, place }) {
  const Inside = { stat: Stat, timeseries: Lines }[panel.type];
  return (
    <div style={place}>
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height}>
        {(w, h) => (data.length ? <Inside {...{ data, options, range }} width={w} height={h} /> : <div>No data</div>)}
      </PanelChrome>
    </div>
  );
}

function Dashboard({ dashboard, panels, range }) {
  const bottom = Math.max(...panels.map(({ place, height }) => place.top + height));
  const said = (at) => at.utc().format('YYYY-MM-DD HH:mm:ss');
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <div style={{ padding: PADDING, width: WIDTH, background: theme.colors.background.canvas }}>
        <div style={{ display: 'flex', gap: 8, alignItems: 'center', height: HEAD, paddingBottom: 12 }}>
          <span style={{ ...theme.typography.h4, flexGrow: 1 }}>{dashboard.title}</span>
          {dashboard.templating.list.map(({ name, label }) => (
            <Button key={name} variant="secondary" fill="outline">{`${label ?? name}: ${asked.get(name) ?? ''}`}</Button>
          ))}
          <ToolbarButton variant="canvas" icon="clock-nine">{`${said(range.from)} to ${said(range.to)} UTC`}</ToolbarButton>
        </div>
        <div style={{ position: 'relative', height: bottom }}>
          <PanelContextProvider value={{ eventsScope: 'page', eventBus: new EventBusSrv() }}>
            {panels.map((each) => <Panel key={each.panel.id} {...each} range={range} />)}
          </PanelContextProvider>
        </div>
      </div>
    </ThemeContext.Provider>
  );
}

async function main() {
  await initPluginTranslations('page', []);
  const dashboard = await (await fetch('/dashboard.json')).json();
  const ends = [asked.get('from'), asked.get('to')].map((each) => dateTime(Number(each) * 1000));
  const range = { from: ends[0], to: ends[1], raw: { from: ends[0], to: ends[1] } };
  const column = (WIDTH - 2 * PADDING + GAP) / 24 - GAP;
  const panels = await Promise.all(dashboard.panels.map((each) => withData(each, range, column)));
  await document.fonts.ready;
  createRoot(document.getElementById('root')).render(<Dashboard {...{ dashboard, panels, range }} />);
}

main().catch((error) => {
  console.error(`ERROR ${error.stack}`);
});
