"""How much a service tells of itself while it is measured. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """As `services/contract/runtime.md` defines `LAB_TELEMETRY`."""

    OFF = "off"
    METRICS = "metrics"
    OFFICIAL = "official"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """`traced` is the share of requests that get a trace, from 0 to 1; only `official` traces."""

    mode: Mode = Mode.OFF
    traced: float = 1.0

    @property
    def name(self) -> str:
        """As commands and results call it: `off`, `metrics`, or `official-5` where 5 % of requests are traced."""
        return f"{self.mode}-{self.traced * 100:g}" if self.mode is Mode.OFFICIAL else self.mode.value

    @classmethod
    def parse(cls, text: str) -> Telemetry:
        """Reads a name; `official` alone traces every request. Raises ValueError with what is wrong."""
        if found := re.fullmatch(r"official-(\d{1,3}(?:\.\d{1,3})?)", text):
            if (percent := float(found[1])) > 100:
                raise ValueError(f"{text}: {percent:g} % is more than all requests")
            return cls(Mode.OFFICIAL, percent / 100)
        if text not in tuple(Mode):
            raise ValueError(
                f"{text or '(empty)'} is none of off, metrics, official, or official-5 for 5 % of requests"
            )
        return cls(Mode(text))


OFF = Telemetry()
