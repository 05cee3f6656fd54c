"""A run as a table: live on a terminal, a line for each event elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table

from lab.core.ladder import climb
from lab.core.summary import Summary
from lab.core.trial import Trial
from lab.ports import ContractReport
from lab.report.sentences import between


def result_table(summary: Summary) -> Table:
    """The final table: figures are those of the rate compared."""
    slo, rate = summary.scenario.slo, summary.compared_at_per_s
    compared = f"at {rate:.0f}/s" if rate else "no common rate"
    table = Table(title=f"{summary.scenario.title} ({compared})", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("variant")
    table.add_column(f"requests/s held\n(p99 ≤ {slo.p99_ms:g} ms)", no_wrap=True)
    for heading in ("p50\nms", "p99\nms", "CPU ms/\nrequest", "memory\nMiB", "first\nanswer s"):
        table.add_column(heading, justify="right")
    for result in summary.variants:
        document = result.document()
        latency = document["latency_ms"] or {}
        memory = document["memory_bytes"]
        table.add_row(
            result.name,
            between(result),
            _figure(latency.get("p50"), 1),
            _figure(latency.get("p99"), 1),
            _figure(document["cpu_ms_per_request"], 2),
            _figure(memory / 2**20 if memory else None, 0),
            _figure(document["time_to_first_answer_s"], 1),
        )
    return table


def _figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


class Progress:
    """An Observer for a person. Use as a context manager."""

    def __init__(self, console: Console, variants: Sequence[str]) -> None:
        self._console = console
        self._doing = Spinner("dots", "starting")
        self._contract: dict[str, str] = dict.fromkeys(variants, "")
        self._trials: dict[str, list[Trial]] = {name: [] for name in variants}
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

    def contract(self, variant: str, role: str, report: ContractReport) -> None:
        verdict = f"{len(report.violations)} violations" if report.violations else "kept"
        not_run = f", {len(report.not_run)} cases not run" if report.not_run else ""
        self._contract[variant] = " ".join(filter(None, [self._contract[variant], f"{role} {verdict}"]))
        self._say(
            f"contract  {variant:<10} {role} {verdict}: {report.passed} checks, "
            f"{sum(report.examples.values())} generated requests (seed {report.seed}){not_run}"
        )
        for violation in report.violations:
            self._say(violation)

    def failed(self, variant: str, reason: str) -> None:
        self._contract[variant] = "not measured"
        self._say(f"failed    {variant:<10} {reason}")

    def trial(self, trial: Trial) -> None:
        self._trials[trial.variant].append(trial)
        verdict = f"void: {'; '.join(trial.void)}" if trial.void else "; ".join(trial.missed) or "held"
        p99_ms = trial.measurement.latency_ms["p99"]
        self._say(f"trial     {trial.variant:<10} {trial.rate_per_s:>6.0f}/s  p99 {p99_ms:>7.1f} ms  {verdict}")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _render(self) -> Table:
        table = Table(box=None, show_header=False)
        for name, trials in self._trials.items():
            state = climb(trials)
            held = f"held {state.held_per_s:.0f}/s" if state.held_per_s else ""
            table.add_row(name, self._contract[name], held)
        table.add_row(self._doing)
        return table
