"""Services as they do now: a table for `lab watch`, and sentences below it."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.core.telemetry import Mode
from lab.core.watch import Figures, ServiceLook, State

NOTHING = "–"
HEADINGS = ("ready", "rate\n/s", "5xx\n%", "p50\nms", "p99\nms", "in\nflight", "queue", "busy\n%", "CPU", "MiB")
STYLES = {State.BROKEN: "red", State.NO_TRAFFIC: "dim"}

Seen = Sequence[tuple[ServiceLook, Figures]]


def watched(seen: Seen, title: str) -> RenderableType:
    """Everything that is to be shown; `seen` comes variant by variant."""
    if not seen:
        return Text("No service runs.")
    return Group(_table(seen, title), *(Text(sentence) for sentence in _sentences(seen)))


def _table(seen: Seen, title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("variant", min_width=7, overflow="fold")
    table.add_column("role", min_width=9, overflow="fold")
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    variant = ""
    for look, figures in seen:
        name = "" if look.variant == variant else look.variant
        variant = look.variant
        table.add_row(name, _role(look, seen), *_cells(figures), style=STYLES.get(figures.state, ""))
    return table


def _role(look: ServiceLook, seen: Seen) -> str:
    """The service's whole name where its variant plays the role more than once."""
    same = [other for other, _ in seen if (other.variant, other.role) == (look.variant, look.role)]
    return look.role if len(same) == 1 else look.name


def _cells(figures: Figures) -> list[str]:
    return [
        f"{figures.ready}/{figures.replicas}",
        _short(figures.rate_per_s),
        _share(figures.error_share),
        _short(figures.p50_s, 1000),
        _short(figures.p99_s, 1000),
        _figure(figures.in_flight, 0),
        _figure(figures.queued, 0),
        _figure(figures.busy_share, 0, 100),
        _figure(figures.cpu_cores, 2),
        _figure(figures.memory_bytes, 0, 2**-20),
    ]


def _share(value: float | None) -> str:
    """In percent; little is not nothing."""
    shown = _short(value, 100)
    return "<0.1" if value and shown == "0.0" else shown


def _short(value: float | None, unit: float = 1) -> str:
    """In five characters, up to 99999."""
    return _figure(value, 1 if value is None or value * unit < 999.95 else 0, unit)


def _figure(value: float | None, digits: int, unit: float = 1) -> str:
    return NOTHING if value is None else f"{value * unit:.{digits}f}"


def _sentences(seen: Seen) -> list[str]:
    sentences = [f"{look.name}: {look.decision}" for look, _ in seen if look.decision]
    sentences += [f"{look.name}: {problem}" for look, figures in seen for problem in figures.problems]
    sentences += [
        f"{look.name}: {figures.dropped_spans:g} spans were dropped" for look, figures in seen if figures.dropped_spans
    ]
    off = [look.name for look, _ in seen if look.telemetry is Mode.OFF]
    if off:
        of_which = "" if len(off) == len(seen) else f" in {', '.join(off)}"
        sentences.append(f"Telemetry is off{of_which}: lab up --telemetry metrics")
    return sentences
