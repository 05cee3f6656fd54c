"""Contracts checked by a Job, which is a process of this machine here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.contract.checker import HttpContractChecker
from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes import attached, checking
from lab.runtimes.kubernetes.checking import CHECKER, JobChecker
from lab.workers.lines import Lines
from tests.contract.reference_server import serving
from tests.contract.reference_service import KEY, Shop
from tests.runtimes.kubernetes.direct import DirectKubectl, running

SEED = 7
WORKER = [sys.executable, "-m", "lab.contract.worker", f"--seed={SEED}"]


@pytest.fixture(scope="module")
def kubectl() -> DirectKubectl:
    return DirectKubectl(WORKER, running("a-job"))


@pytest.fixture(scope="module")
def checker(kubectl: DirectKubectl) -> Iterator[JobChecker]:
    with JobChecker(kubectl, "an/image:1", SEED) as entered:
        yield entered


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Shop("ping", "")) as served:
        yield served


def test_it_reports_what_a_checker_here_does(checker: JobChecker, url: str) -> None:
    asked = (url, "ping", ("ping",), KEY, "", "")
    assert checker.check(*asked) == HttpContractChecker(SEED).check(*asked)


def test_several_are_checked_at_once_and_each_hears_of_its_own(checker: JobChecker, url: str) -> None:
    def role_told(role: str) -> str:
        try:
            return str(checker.check(url, role, (), KEY, "", "").violations)
        except RuntimeFailure as refused:
            return str(refused)

    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(role_told, ("one", "ping", "three")))

    assert ["'one' is none of" in told[0], told[1], "'three' is none of" in told[2]] == [True, "()", True]


def test_services_find_its_catalog_by_name(kubectl: DirectKubectl, checker: JobChecker) -> None:
    job, service = kubectl.applied[:2]

    assert [checker.fake_catalog_url() for _ in range(2)] == [f"http://{CHECKER}:8100", f"http://{CHECKER}:8101"]
    assert service["metadata"]["name"] == job["spec"]["template"]["spec"]["hostname"] == CHECKER
    assert service["spec"]["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    assert service["metadata"]["ownerReferences"][0]["name"] == job["metadata"]["name"]


def test_who_waits_hears_of_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached, "ENDED_WITHIN_S", 0.0)
    ends = "import sys; sys.stdin.readline(); print('{\"ready\": true}', flush=True); sys.stdin.readline(); sys.exit(3)"
    with (
        JobChecker(DirectKubectl([sys.executable, "-c", ends], running("a-job")), "an/image:1", SEED) as checker,
        pytest.raises(RuntimeFailure, match=r"^the connection to pod pod-0 ended\nexit code 3"),
    ):
        checker.check("http://127.0.0.1:1", "ping", (), KEY, "", "")


def test_who_waits_is_let_go_when_the_block_is_left() -> None:
    silent = Lines([sys.executable, "-c", "import sys; sys.stdin.read()"])
    with ThreadPoolExecutor(1) as pool:
        with checking.RemoteChecker(silent) as checker:
            waiting = pool.submit(checker.check, "http://127.0.0.1:1", "ping", (), KEY, "", "")
        assert isinstance(waiting.exception(timeout=5), RuntimeFailure)
    silent.kill()
