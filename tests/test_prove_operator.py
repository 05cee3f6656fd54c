"""What the page about the operator's growth tells of what was seen, and how the proof is begun and broken off."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

import psutil
import pytest

from tests.polling import until
from tools.prove_operator import FORMATS, GONE, MEMORY, Look, blocks, main, page, slope

SOON_S = 30.0
LEVEL = 100.0


def looks(number: int, memory: Callable[[int], float] = lambda _: LEVEL) -> list[Look]:
    """Ten seconds apart, at each of which the operator has used a second of CPU time and has ticked 40 times."""
    level = dict.fromkeys(FORMATS, LEVEL)
    return [Look(600.0 + 10 * at, {**level, MEMORY: memory(at)}, float(at), 40.0 * at) for at in range(number)]


# By hand: x spreads by 82.5; of the step, xy by 12.5 and y by 2.5, so the slope is 12.5 / 82.5 and 2.5 - 12.5² / 82.5
# is beside the line: an interval of 2.306 √(0.6061 / 8 / 82.5) on either side. Up and down, xy spreads by 2.5.
SLOPES = [
    # case                   y at x = 0, 1, ... 9                        -> slope, low, high, grows
    ("level", [7.0] * 10, (0.0, 0.0, 0.0), False),
    ("a line up", [3.0 + 2 * x for x in range(10)], (2.0, 2.0, 2.0), True),
    ("a line down", [3.0 - 2 * x for x in range(10)], (-2.0, -2.0, -2.0), False),
    ("up and down", [1.0, 2.0] * 5, (0.0303, -0.1095, 0.1701), False),
    ("a step", [0.0] * 5 + [1.0] * 5, (0.1515, 0.0816, 0.2214), True),
]


@pytest.mark.parametrize(("ys", "expected", "grows"), [case[1:] for case in SLOPES], ids=[case[0] for case in SLOPES])
def test_what_grows_is_what_surely_goes_up(
    ys: Sequence[float], expected: tuple[float, float, float], grows: bool
) -> None:
    found = slope(range(10), ys)
    assert (found.value, found.low, found.high) == pytest.approx(expected, abs=1e-4)
    assert found.grows is grows


@pytest.mark.parametrize("number", [9, 11])
def test_the_interval_is_that_of_ten_points(number: int) -> None:
    with pytest.raises(ValueError, match=f"{number} points"):
        slope(range(number), range(number))


@pytest.mark.parametrize(("number", "size"), [(10, 1), (19, 1), (20, 2), (29, 2)])
def test_blocks_are_ten_of_the_latest_looks(number: int, size: int) -> None:
    seen = looks(number)
    parts = blocks(seen)
    assert [len(part) for part in parts] == [size] * 10
    assert [look for part in parts for look in part] == seen[number - 10 * size :]


PAGES = [
    # case       memory                          -> row
    ("level", lambda _: LEVEL, "100.0 | 100.0 | 100.0 | +0.00 | +0.00 to +0.00 | no growth shown"),
    ("up", lambda at: LEVEL + at, "100.5 | 118.5 | 119.0 | +360.00 | +360.00 to +360.00 | grows"),
    (
        "down",
        lambda at: LEVEL - at,
        "99.5 | 81.5 | 100.0 | -360.00 | -360.00 to -360.00 | no growth shown",
    ),
]


@pytest.mark.parametrize(("memory", "row"), [case[1:] for case in PAGES], ids=[case[0] for case in PAGES])
def test_a_page_has_a_row_for_everything_that_is_held(memory: Callable[[int], float], row: str) -> None:
    told = page(looks(20, memory), 20, "2026-11-30").splitlines()
    assert f"| {MEMORY} | {row} |" in told
    assert f"| {GONE} | 100 | 100 | 100 | +0.00 | +0.00 to +0.00 | no growth shown |" in told


def test_a_page_says_what_was_done_and_for_how_long() -> None:
    told = page(looks(20), 55, "2026-11-30")
    assert "\n2026-11-30, `make prove-operator`, 55 minutes: " in told
    assert "After the first 10 minutes it ticked 760 times\nand used 0.100 cores." in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--minutes", "14"], "14 is too short; at least 15, of which 10 don't count"),
        (["--minutes", "0.5"], "invalid int value: '0.5'"),
        (["--hours", "1"], "unrecognized arguments: --hours 1"),
    ],
)
def test_wrong_input_is_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.slow
def test_interrupted_it_leaves_nothing_running() -> None:
    with psutil.Popen([sys.executable, "-m", "tools.prove_operator"], stderr=subprocess.PIPE) as proving:

        def both() -> list[psutil.Process]:
            children = proving.children()
            return children if len(children) == 2 else []

        children = until(both, SOON_S, "the cluster and the operator")
        proving.send_signal(signal.SIGINT)
        assert proving.wait(SOON_S) == 130
        assert proving.stderr.read() == b""
    assert [one for one in children if one.is_running()] == []
