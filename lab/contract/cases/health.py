"""Health on the metrics port."""

from __future__ import annotations

from collections.abc import Iterable

from lab.contract.cases.case import Case, Needs, case
from lab.contract.client import Client, NoAnswer, Request
from lab.contract.document import Contract
from lab.contract.probe import Probe


def cases(contract: Contract, role: str) -> Iterable[Case]:
    yield case("/livez and /readyz answer 200 on the metrics port", "", _healthy, needs=Needs.METRICS_URL)


def _healthy(probe: Probe) -> None:
    client = Client(probe.setting.metrics_url)
    for path in ("/livez", "/readyz"):
        request = Request("", "GET", path)
        try:
            status = str(client.send(request).status)
        except NoAnswer as error:
            status = str(error)
        if status != "200":
            probe.violation(request, "200", status, url=probe.setting.metrics_url)
    client.close()
