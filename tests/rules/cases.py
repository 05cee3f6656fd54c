"""What happens to a lab, which alerts it must raise, and by when; and what must raise none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from dashboards.rules.files import ORDER
from lab.tree import contract_operations
from tests.rules.worlds import Phase, Samples, autoscaler, clients, collector, kubelet, silent
from tests.rules.worlds import replica as replica_of

PAGE, TICKET = "page", "ticket"
replica = partial(replica_of, contract_operations()[ORDER])

# How long after it begins each alert is there at the latest, as docs/alerts.md claims: seconds of a lab, of production.
CLAIMS = {
    "LatencyBudgetBurn": (60, 720),
    "ErrorBudgetBurn": (15, 120),
    "NoTraffic": (70, 660),
    "TargetDown": (35, 360),
    "CrashLooping": (5, 60),
    "TelemetryDropped": (60, 720),
    "Throttled": (80, 900),
    "EventLoopBlocked": (55, 540),
    "PoolExhausted": (65, 660),
    "AutoscalerBlind": (75, 840),
    "AutoscalerFlapping": (20, 60),
    "RetryStorm": (55, 540),
}


@dataclass(frozen=True, slots=True)
class Fires:
    """`calm` steps, then what must raise `alerts`, each with its severity, within their claims or `within_steps`.

    A step is `coarse` times as long as usual.
    """

    calm: int
    worlds: Sequence[Samples]
    alerts: frozenset[tuple[str, str]]
    within_steps: int = 0
    coarse: int = 1


def both(alert: str) -> frozenset[tuple[str, str]]:
    """A budget that burns fast enough for a page does so for a ticket; Alertmanager tells of the page alone."""
    return frozenset({(alert, PAGE), (alert, TICKET)})


def page(alert: str) -> frozenset[tuple[str, str]]:
    return frozenset({(alert, PAGE)})


def ticket(alert: str) -> frozenset[tuple[str, str]]:
    return frozenset({(alert, TICKET)})


HOUR = 60  # steps: of production, or of a lab, whose hour has 5 minutes
CALM = Phase(HOUR)
# 60 requests at once, 4 threads, 50 ms each: 80 a second, 750 ms from schedule to answer, 50 of these served.
FULL = Phase(30, served=80, queued=1, waiting=56, offered=80, seen_slow=1)
RETRIES = Phase(30, retried=0.2)


def two(*first: Phase) -> tuple[Samples, Samples]:
    """Two replicas, the other of which is well."""
    return replica("a", *first), replica("b", Phase(sum(phase.steps for phase in first)))


FIRES = {
    "60 requests at once on 4 threads, as clients see it": Fires(
        HOUR, [replica("a", CALM, FULL), clients(CALM, FULL)], both("LatencyBudgetBurn")
    ),
    "60 requests at once on 4 threads, where no client is scraped": Fires(
        HOUR, [replica("a", CALM, FULL)], both("LatencyBudgetBurn")
    ),
    "slow in the application": Fires(HOUR, [replica("a", CALM, Phase(30, slow=1))], both("LatencyBudgetBurn")),
    "a twentieth is slow for half a day": Fires(
        130, [clients(Phase(130), Phase(70, seen_slow=0.05))], ticket("LatencyBudgetBurn"), within_steps=65, coarse=12
    ),
    "clients get no answer": Fires(
        HOUR, [replica("a", CALM, Phase(30)), clients(CALM, Phase(30, seen_failed=1))], both("ErrorBudgetBurn")
    ),
    "replicas answer 503, where no client is scraped": Fires(
        HOUR, [replica("a", CALM, Phase(30, failed=1))], both("ErrorBudgetBurn")
    ),
    "one of a hundred requests fails for hours": Fires(
        360, [clients(Phase(360), Phase(260, seen_failed=0.01))], both("ErrorBudgetBurn"), within_steps=230
    ),
    "four of a thousand requests fail for a day": Fires(
        130, [clients(Phase(130), Phase(70, seen_failed=0.004))], ticket("ErrorBudgetBurn"), within_steps=65, coarse=12
    ),
    "four of a thousand requests fail for half an hour": Fires(
        HOUR, [clients(CALM, Phase(30, seen_failed=0.004))], ticket("ErrorBudgetBurn"), within_steps=25
    ),
    "requests stop coming": Fires(HOUR, [replica("a", CALM, Phase(30, served=0))], page("NoTraffic")),
    "requests are sent and reach nobody": Fires(
        HOUR,
        [replica("a", CALM, Phase(30, served=0)), clients(CALM, Phase(30, seen_failed=1))],
        page("NoTraffic") | both("ErrorBudgetBurn"),
    ),
    "the only replica can't be reached": Fires(HOUR, [replica("a", CALM, Phase(30, up=0))], page("TargetDown")),
    "one of two replicas can't be reached": Fires(HOUR, two(CALM, Phase(30, up=0)), ticket("TargetDown")),
    "the collector can't be reached": Fires(HOUR, [collector(CALM, Phase(30, up=0))], ticket("TargetDown")),
    "a kubelet can't be reached": Fires(HOUR, [kubelet(CALM, Phase(30, up=0))], ticket("TargetDown")),
    "a replica starts and ends": Fires(
        HOUR + 6,
        [replica("a", CALM, *[Phase(2, up=0), Phase(1, restarted=True)] * 2, Phase(2, up=0), Phase(9, restarted=True))],
        page("CrashLooping"),
        within_steps=3,
    ),
    "a replica starts and ends, and the kubelet waits ever longer": Fires(
        HOUR + 6,
        [replica("a", CALM, *[Phase(2, up=0), Phase(1, restarted=True)] * 2, Phase(7, up=0), Phase(9, restarted=True))],
        page("CrashLooping"),
        within_steps=8,
    ),
    "spans find the queue full": Fires(HOUR, [replica("a", CALM, Phase(30, dropped=5))], ticket("TelemetryDropped")),
    "the collector takes no spans": Fires(
        HOUR, [replica("a", CALM, Phase(30, not_taken=5))], ticket("TelemetryDropped")
    ),
    "the collector refuses spans": Fires(HOUR, [collector(CALM, Phase(30, refused=5))], ticket("TelemetryDropped")),
    "a replica reaches its CPU limit": Fires(HOUR, [replica("a", CALM, Phase(30, throttled=0.8))], ticket("Throttled")),
    "something blocks the loop most of the time": Fires(
        HOUR, two(CALM, Phase(30, tries=1)), ticket("EventLoopBlocked")
    ),
    "something blocks the loop for good": Fires(
        HOUR, two(CALM, Phase(30, tries=0, served=0)), ticket("EventLoopBlocked")
    ),
    "requests wait for connections": Fires(
        HOUR, [replica("a", CALM, Phase(30, used=4, pending=3))], ticket("PoolExhausted")
    ),
    "threads hold all connections, and requests wait for threads": Fires(
        HOUR, [replica("a", CALM, Phase(30, used=4, waiting=3))], ticket("PoolExhausted")
    ),
    "the autoscaler has no data of a service that is asked": Fires(
        HOUR, [replica("a", Phase(90)), autoscaler(CALM, Phase(30, blind=1))], ticket("AutoscalerBlind")
    ),
    "the autoscaler can't read replicas": Fires(
        HOUR, [autoscaler(CALM, Phase(30, blind=1, unread=1))], ticket("AutoscalerBlind")
    ),
    "the autoscaler's ticks fail": Fires(HOUR, [autoscaler(CALM, Phase(30, broken=1))], ticket("AutoscalerBlind")),
    "replicas come and go": Fires(
        HOUR + 16,
        [autoscaler(CALM, *[Phase(4, desired=4), Phase(4, desired=2)] * 3)],
        ticket("AutoscalerFlapping"),
    ),
    "clients send one of five requests again": Fires(
        HOUR, [replica("a", CALM, Phase(30)), clients(CALM, RETRIES)], ticket("RetryStorm")
    ),
    "orders repeat their calls": Fires(
        HOUR,
        [replica("a", Phase(HOUR, orders=10, calls=20), Phase(30, orders=10, calls=100), role="orders")],
        ticket("RetryStorm"),
    ),
}

START = Phase(3, up=0)
WARM = Phase(3, restarted=True, served=5, tries=6, throttled=0.9)
GONE = Phase(30, up=None)
IDLE = Phase(120, served=0, offered=0)

QUIET: dict[str, Sequence[Samples]] = {
    "load that is served": [replica("a", CALM, Phase(30)), clients(CALM, Phase(30)), autoscaler(CALM, Phase(30))],
    "a restart of one of two replicas": two(CALM, START, WARM, Phase(30)),
    "a restart of the only replica": [replica("a", CALM, START, WARM, Phase(30))],
    "two restarts within minutes": [replica("a", CALM, START, WARM, Phase(3), START, WARM, Phase(30))],
    "a scale-down from two to one": [
        replica("a", Phase(90)),
        replica("b", CALM, GONE),
        autoscaler(CALM, Phase(30, desired=1)),
    ],
    "a scale-down to none, when the load has ended": [
        replica("a", CALM, Phase(2, served=0), GONE),
        clients(CALM, Phase(32, offered=0)),
    ],
    "no traffic, ever": [replica("a", IDLE), autoscaler(Phase(120, blind=1))],
    "no traffic for one service, while another is asked": [
        replica("a", Phase(120), role="orders"),
        replica("b", IDLE),
        autoscaler(Phase(120, blind=1)),
    ],
    "load that ends": [replica("a", CALM, IDLE), clients(CALM, IDLE)],
    "load that ends with its generator": [replica("a", CALM, IDLE), clients(CALM, GONE)],
    "a deploy, one replica after the other": [
        replica("a-old", CALM, Phase(30, up=None)),
        replica("b-old", Phase(HOUR + 8), Phase(2, up=0), Phase(20, up=None)),
        replica("a-new", Phase(HOUR - 6, up=None), START, WARM, Phase(30)),
        replica("b-new", Phase(HOUR, up=None), START, WARM, Phase(24)),
        clients(CALM, Phase(30)),
    ],
    "a first start": [
        replica("a", START, WARM, CALM),
        clients(Phase(6, offered=0), CALM),
        autoscaler(Phase(6, blind=1), CALM),
    ],
    "a restart of the collector": [
        replica("a", CALM, Phase(1, not_taken=10), Phase(30)),
        collector(CALM, START, Phase(28)),
    ],
    "a replica that tells nothing on purpose": [silent(CALM, Phase(30))],
    "a budget that lasts": [clients(Phase(300, seen_slow=0.009, seen_failed=0.0009))],
    "three calls for each order": [replica("a", Phase(120, orders=10, calls=30), role="orders")],
    "all connections are used, and nobody waits": [replica("a", CALM, Phase(30, used=4))],
    "half of the CPU limit's periods are spent": [replica("a", CALM, Phase(30, throttled=0.45))],
    "replicas that rise and fall with the load": [
        autoscaler(*(Phase(4, desired=desired) for desired in (1, 2, 4, 8, 8, 4, 2, 1)), CALM)
    ],
    "few requests are sent again": [replica("a", CALM), clients(Phase(30), Phase(30, retried=0.02))],
}
