"""Seconds as an option's value."""

from __future__ import annotations

import math

import click


class Seconds(click.FloatRange):
    """In a range with both ends: click alone takes NaN, which is outside of none."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return found
