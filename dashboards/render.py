"""A dashboard in Grafana's JSON, by the types of its foundation SDK.

These types are of Grafana 11.6, the last that the SDK has them of; Grafana 12 reads such JSON, too.
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator

from grafana_foundation_sdk.builders import common as parts
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import heatmap, prometheus, stat, statetimeline, table, tempo, text, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as made
from grafana_foundation_sdk.models import heatmap as heats
from grafana_foundation_sdk.models import prometheus as asked
from grafana_foundation_sdk.models import tempo as traced
from grafana_foundation_sdk.models import text as texts

from dashboards.model import FULL_WIDTH, Annotation, Dashboard, Kind, Panel, Query, Variable
from dashboards.promql import named

TAG = "framework-lab"
PROMETHEUS = made.DataSourceRef("prometheus", "${datasource}")
TEMPO = made.DataSourceRef("tempo", "${traces}")
GREEN, *WARNING = "green", "yellow", "red"
NEWEST = 20  # traces
OF_KUBELETS = "container_"
KUBELETS_EVERY = "15s"  # they count at times of their own, 10 s apart or more: a rate over 20 s would have gaps
ANNOTATED_EVERY = "15s"
OF_ANNOTATION = ("titleFormat", "textFormat", "step")  # what the data source reads, and the SDK's type lacks

Shown = (
    timeseries.Panel | stat.Panel | heatmap.Panel | statetimeline.Panel | table.Panel | text.Panel
)  # what of a panel is the same in each is set below


def rendered(dashboard: Dashboard) -> str:
    built = (
        build.Dashboard(dashboard.title)
        .uid(f"{TAG}-{dashboard.name}")
        .description(dashboard.question)
        .tags([TAG])
        .readonly()
        .tooltip(made.DashboardCursorSync.CROSSHAIR)
        .timezone("browser")
        .refresh("5s")
        .time(dashboard.range, "now")
        .link(
            build.DashboardLink("Framework Lab")
            .type(made.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .keep_time(True)
            .include_vars(True)
        )
        .variables(
            [
                build.DatasourceVariable("datasource").label("Metrics").type("prometheus"),
                build.DatasourceVariable("traces").label("Traces").type("tempo"),
                *map(_variable, dashboard.variables),
            ]
        )
    )
    document = built.build()
    document.annotations = made.AnnotationContainer([_Annotation(of) for of in dashboard.annotations])
    document.panels = list(_placed(dashboard))
    for number, panel in enumerate(document.panels, 1):
        panel.id_val = number
    return json.dumps(document, cls=JSONEncoder, indent=2, ensure_ascii=False) + "\n"


class _Annotation(made.AnnotationQuery):
    def __init__(self, of: Annotation) -> None:
        super().__init__(of.name, PROMETHEUS, icon_color=of.colour, expr=of.expression)
        self._more = dict(zip(OF_ANNOTATION, (of.title, of.text, ANNOTATED_EVERY), strict=True))

    def to_json(self) -> dict[str, object]:
        return super().to_json() | self._more


def _variable(of: Variable) -> build.QueryVariable | build.CustomVariable:
    if of.choices:
        name, value = of.current
        choices = ",".join(f"{name} : {value}" for name, value in of.choices.items())
        return (
            build.CustomVariable(of.name)
            .label(of.title)
            .values(choices)
            .current(made.VariableOption(selected=True, text=name, value=value))
        )
    asks = build.QueryVariable(of.name).label(of.title).datasource(PROMETHEUS)
    asks.query({"query": f"label_values({of.selector}, {of.label})", "refId": of.name})
    asks.refresh(made.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(made.VariableSort.ALPHABETICAL_ASC)
    if of.several:
        everything = made.VariableOption(selected=True, text=["All"], value=["$__all"])
        asks.multi(True).include_all(True).all_value(".+").current(everything)
    return asks


def _placed(dashboard: Dashboard) -> Iterator[made.Panel | made.RowPanel]:
    """From left to right, in lines as high as their highest panel."""
    top = 0
    for row in dashboard.rows:
        yield build.Row(row.title).grid_pos(made.GridPos(h=1, w=FULL_WIDTH, x=0, y=top)).build()
        top += 1
        left = height = 0
        for panel in row.panels:
            if left + panel.width > FULL_WIDTH:
                top, left, height = top + height, 0, 0
            shown = _SHOWN[panel.kind](panel)
            shown.title(panel.title)
            shown.grid_pos(made.GridPos(h=panel.height, w=panel.width, x=left, y=top))
            yield shown.build()
            left, height = left + panel.width, max(height, panel.height)
        top += height


def _lines(panel: Panel) -> Shown:
    shown = timeseries.Panel().min(0).show_points(common.VisibilityMode.NEVER).line_width(1)
    shown.fill_opacity(30 if panel.stacked else 0)
    if panel.stacked:
        shown.stacking(parts.StackingConfig().mode(common.StackingMode.NORMAL))
    if panel.limits:
        shown.thresholds_style(parts.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))
    shown.legend(
        parts.VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    shown.tooltip(parts.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    for number, query in enumerate(panel.queries):
        if query.right:
            right = made.DynamicConfigValue("custom.axisPlacement", common.AxisPlacement.RIGHT)
            shown.override_by_query(_letter(number), [right, made.DynamicConfigValue("unit", "short")])
    return _asking(shown, panel)


def _stat(panel: Panel) -> Shown:
    shown = stat.Panel().reduce_options(parts.ReduceDataOptions().calcs(["lastNotNull"]))
    shown.graph_mode(common.BigValueGraphMode.NONE).text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    return _asking(shown, panel)


def _heat(panel: Panel) -> Shown:
    axis = heatmap.YAxisConfig().unit(panel.unit)
    colours = heatmap.HeatmapColorOptions().mode(heats.HeatmapColorMode.SCHEME).scheme("Spectral").steps(64)
    shown = heatmap.Panel().calculate(False).y_axis(axis).color(colours).show_color_scale(True)
    shown.cell_values(heatmap.CellValues().unit("reqps"))
    return _asking(shown, panel)


def _states(panel: Panel) -> Shown:
    words = {
        str(value): made.ValueMappingResult(text=word, color=colour, index=value)
        for value, (word, colour) in enumerate(panel.words)
    }
    shown = statetimeline.Panel().mappings([made.ValueMap(words)]).merge_values(True)
    return _asking(shown.show_value(common.VisibilityMode.AUTO), panel)


def _traces(panel: Panel) -> Shown:
    (query,) = panel.queries
    search = tempo.TempoQuery().ref_id("A").query_type("traceql").query(query.expression).limit(NEWEST)
    search.table_type(traced.SearchTableType.TRACES).datasource(TEMPO)
    return table.Panel().description(panel.description).unit(panel.unit).datasource(TEMPO).with_target(search)


def _text(panel: Panel) -> Shown:
    return text.Panel().mode(texts.TextMode.MARKDOWN).content(panel.description)


_SHOWN: dict[Kind, Callable[[Panel], Shown]] = {
    Kind.LINES: _lines,
    Kind.STAT: _stat,
    Kind.HEAT: _heat,
    Kind.STATES: _states,
    Kind.TRACES: _traces,
    Kind.TEXT: _text,
}


def _asking(shown: timeseries.Panel | stat.Panel | heatmap.Panel | statetimeline.Panel, panel: Panel) -> Shown:
    shown.description(panel.description).unit(panel.unit).datasource(PROMETHEUS)
    steps = [made.Threshold(None, GREEN), *map(made.Threshold, panel.limits, WARNING[-len(panel.limits) :])]
    shown.thresholds(build.ThresholdsConfig().mode(made.ThresholdsMode.ABSOLUTE).steps(steps))
    if panel.maximum is not None and panel.kind is Kind.LINES:
        shown.max(panel.maximum)
    if panel.repeat:
        shown.repeat(panel.repeat).repeat_direction("h").max_per_row(FULL_WIDTH // panel.width)
    for number, query in enumerate(panel.queries):
        shown.with_target(_target(query, _letter(number), panel.kind))
    return shown


def _target(query: Query, letter: str, kind: Kind) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).expr(query.expression).legend_format(query.legend)
    target.datasource(PROMETHEUS)
    if any(selector.name.startswith(OF_KUBELETS) for selector in named(query.expression).selectors):
        target.interval(KUBELETS_EVERY)
    if kind is Kind.HEAT:
        target.format(asked.PromQueryFormat.HEATMAP)
    if query.exemplars:
        target.exemplar(True)
    return target.instant() if kind is Kind.STAT else target.range()


def _letter(number: int) -> str:
    return string.ascii_uppercase[number]
