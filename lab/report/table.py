"""A run as a table: live on a terminal, a line for each event elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from lab.core.beside import workload
from lab.core.exposition import Scrape
from lab.core.ladder import climb
from lab.core.price import Price
from lab.core.summary import Summary
from lab.core.telemetry import Telemetry
from lab.core.trial import Part, Trial
from lab.ports import ContractReport
from lab.report.experiments import told
from lab.report.sentences import between, throughput

NOTHING = "–"


def result_table(summary: Summary) -> Table:
    """The final table: figures are those of the rate compared."""
    slo, rate = summary.scenario.slo, summary.compared_at_per_s
    compared = f"at {rate:.0f}/s" if rate else "no common rate"
    table = Table(
        title=f"{summary.scenario.title} ({compared})", title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True
    )
    table.add_column("variant", min_width=7, overflow="fold")
    table.add_column(f"requests/s held\n(p99 ≤ {slo.p99_ms:g} ms)", no_wrap=True)
    for heading in ("p50\nms", "p99\nms", "CPU ms/\nrequest", "memory\nMiB", "first\nanswer s"):
        table.add_column(heading, justify="right")
    for number, result in enumerate(summary.variants):
        document = result.document()
        latency = document["latency_ms"] or {}
        memory = document["memory_bytes"]
        if summary.compares_telemetry and number % len(summary.telemetry) == 0:
            table.add_row(_split(result.arm.stack.name))
        table.add_row(
            _indented(result.arm.telemetry) if summary.compares_telemetry else _split(result.name),
            between(result),
            _figure(latency.get("p50"), 1),
            _figure(latency.get("p99"), 1),
            _figure(document["cpu_ms_per_request"], 2),
            _figure(memory / 2**20 if memory else None, 0),
            _figure(document["time_to_first_answer_s"], 1),
        )
    return table


def price_table(summary: Summary) -> Table:
    """What each level of telemetry costs each stack; memory is what it takes more than the first level."""
    table = Table(
        title=f"What watching costs, relative to {summary.telemetry[0].name}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        collapse_padding=True,
    )
    table.add_column("variant", min_width=7, overflow="fold")
    table.add_column("requests/s held\nratio (rungs)", no_wrap=True)
    for heading in ("at half\nload /s", "CPU ms/\nrequest", "CPU\nratio", "p99\nms", "memory\nMiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for stack, levels in summary.prices.items():
        table.add_row(_split(stack))
        for price in levels:
            table.add_row(_indented(price.level), throughput(price), *_price_figures(price))
    return table


def _price_figures(price: Price) -> list[str]:
    document = price.document()
    memory, more = document["memory_bytes"], document["memory_bytes_more"]
    first = price.first is None
    return [
        _figure(document["half_load_per_s"], 0),
        _figure(document["cpu_ms_per_request"], 2),
        "" if first else _figure(document["cpu_ratio"], 2),
        _figure(document["p99_ms"], 1),
        _figure(memory / 2**20 if memory else None, 0) if first else _more(more),
    ]


def _more(memory_bytes: int | None) -> str:
    return NOTHING if memory_bytes is None else f"{memory_bytes / 2**20:+.0f}"


def levels_table(summary: Summary) -> Table:
    """What the levels of the workload did to the requests beside it, a row for each stack and level."""
    scenario = summary.scenario
    beside = scenario.beside
    assert beside
    operation, streams = beside.request.operation, bool(scenario.streams)
    title = f"{operation} at {beside.rate_per_s:g}/s, beside {workload(scenario)}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True)
    table.add_column("variant", min_width=7, overflow="fold")
    headings = ["streams" if streams else "per\nsecond", f"{operation}\np50 ms", f"{operation}\np99 ms"]
    headings += ["held", "refused", "event\np50 ms", "KiB/\nstream"] if streams else ["their\np99 ms"]
    for heading in (*headings, "memory\nMiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for result in summary.variants:
        for number, level in enumerate(result.levels):
            name = "" if number else _split(result.name)
            table.add_row(name, str(level.level), *_level_figures(level.document(), streams))
    return table


def _level_figures(document: Mapping[str, Any], of_streams: bool) -> list[str]:
    if document["status"] == "void":
        return ["void"]
    latency, streams, requests = document["latency_ms"], document["streams"], document["workload"]
    figures = [_figure(latency["p50"], 1), _figure(latency["p99"], 1)]
    if of_streams and streams:
        delay, per_stream = streams["event_delay_ms"] or {}, streams["memory_bytes_per_stream"]
        figures += [str(streams["held"]), str(streams["refused"]), _figure(delay.get("p50"), 1)]
        figures.append(_figure(None if per_stream is None else per_stream / 1024, 0))
    elif of_streams:
        figures += [NOTHING] * 4
    else:
        figures.append(_figure(requests["latency_ms"]["p99"] if requests else None, 1))
    return [*figures, _figure(document["memory_bytes"] / 2**20, 0)]


def _split(name: str) -> str:
    """A role in each line, and a level of telemetry."""
    return name.replace(", ", ",").replace(",", ",\n")


def _indented(level: Telemetry) -> str:
    return f"  {level.name}"


def _figure(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


class Progress:
    """An Observer for a person. Use as a context manager."""

    def __init__(self, console: Console, variants: Sequence[str]) -> None:
        self._console = console
        self._width = max(10, *map(len, variants))
        self._doing = Spinner("dots", "starting")
        self._contract: dict[str, str] = dict.fromkeys(variants, "")
        self._climbs: dict[str, list[Trial]] = {name: [] for name in variants}
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def __enter__(self) -> Progress:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def step(self, text: str) -> None:
        self._doing.update(text=text)

    def opening(self, text: str) -> None:
        """A step of what may take minutes the first time: kept in a file or a pipe too."""
        self.step(text)
        if not self._console.is_terminal:
            self._say(f"          {text}")

    def contract(self, variant: str, role: str, report: ContractReport) -> None:
        verdict = f"{len(report.violations)} violations" if report.violations else "kept"
        not_run = f", {len(report.not_run)} cases not run" if report.not_run else ""
        before = self._contract.get(variant, "")  # a variant that plays in hybrids only has no row yet
        self._contract[variant] = " ".join(filter(None, [before, f"{role} {verdict}"]))
        self._say(
            f"contract  {variant:<{self._width}} {role} {verdict}: {report.passed} checks, "
            f"{sum(report.examples.values())} generated requests (seed {report.seed}){not_run}"
        )
        for violation in report.violations:
            self._say(violation)

    def failed(self, variant: str, reason: str) -> None:
        self._contract[variant] = "not measured"
        self._say(f"failed    {variant:<{self._width}} {reason}")

    def trial(self, trial: Trial) -> None:
        measurement = trial.measurement
        void = f"void: {'; '.join(trial.void)}" if trial.void else ""
        if trial.part is Part.EXPERIMENT:
            load = " ".join(filter(None, [trial.case, f"repeat {trial.step + 1}"]))
            self._say(f"trial     {trial.variant:<{self._width}} {load}  {void or told(trial.figures)}")
            return
        verdict = void or "; ".join(trial.missed) or "held"
        if not measurement.beside:
            if trial.part is Part.CLIMB:
                self._climbs[trial.variant].append(trial)
            load, p99_ms = f"{trial.rate_per_s:>6.0f}/s", measurement.latency_ms["p99"]
        else:
            streams = measurement.streams
            load = f"beside {streams.wanted} streams" if streams else f"beside {trial.rate_per_s:.0f}/s"
            load = load if trial.step else "alone"
            p99_ms = measurement.beside.latency_ms["p99"]
        self._say(f"trial     {trial.variant:<{self._width}} {load}  p99 {p99_ms:>7.1f} ms  {verdict}")

    def metrics(self, trial: Trial, scrapes: Mapping[str, Sequence[Scrape]]) -> None:
        """Metrics are not shown."""

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Table:
        table = Table(box=None, show_header=False)
        for name, contract in self._contract.items():
            state = climb(self._climbs.get(name, ()))
            held = f"held {state.held_per_s:.0f}/s" if state.held_per_s else ""
            table.add_row(name, contract, held)
        table.add_row(self._doing)
        return table
