"""What must hold when requests arrive at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lab.contract.cases.case import Case, Lane, case
from lab.contract.cases.placing import replayed
from lab.contract.client import Answer
from lab.contract.document import Contract
from lab.contract.probe import Probe

_ALONE = Lane.ALONE


def cases(contract: Contract, role: str) -> Iterable[Case]:
    if role == "orders":
        yield case("50 orders at once sell 10 pieces, never more", "placeOrder setStock", _oversold, _ALONE)
        yield case("orders of the same products in any order don't block", "placeOrder setStock", _crossed, _ALONE)
        yield case("10 requests at once with one key place one order", "placeOrder setStock", _one_key, _ALONE)
        yield case("one key and 10 contents at once place one order", "placeOrder", _one_key_many_contents, _ALONE)
        yield case(
            "an order cancelled 10 times at once gives back once", "moveOrder placeOrder setStock", _cancelled, _ALONE
        )
        yield case("a product's stock set at once by many", "setStock", _stock, _ALONE)
    if role == "catalog":
        yield case("one of 10 requests at once gets the sku", "createProduct", _one_sku, _ALONE)
        yield case(
            "readers at once never bring the old one back", "replaceProduct createProduct getProduct", _readers, _ALONE
        )
        yield case("one of 10 removals at once succeeds", "deleteProduct createProduct", _one_removal, _ALONE)


def _counted(answers: Iterable[Answer]) -> str:
    counts = Counter(answer.status for answer in answers)
    return ", ".join(f"{count} × {status}" for status, count in sorted(counts.items()))


def _split(probe: Probe, answers: Sequence[Answer], status: int, wins: int, kind: str) -> list[Answer]:
    """The answers with `status` that have its form; `wins` there must be, and all others are problems of `kind`."""
    won = [answer for answer in answers if answer.status == status]
    wanted = f"{wins} × {status}, else {kind}"
    probe.expect(len(won) == wins, answers[0], wanted, _counted(answers))
    for answer in answers:
        if answer.status != status and not probe.is_problem(answer, kind):
            break
    return [answer for answer in won if probe.conforms(answer, status)]


def _oversold(probe: Probe) -> None:
    product_id = probe.orderable(10)
    answers = probe.at_once([probe.order((product_id, 1)) for _ in range(50)])
    won = _split(probe, answers, 201, 10, "out-of-stock")
    ids = {answer.document["id"] for answer in won}
    probe.expect(len(ids) == len(won), answers[0], "an order for each 201", f"{len(ids)} orders")
    probe.refused(probe.order((product_id, 1)), "out-of-stock")


def _crossed(probe: Probe) -> None:
    one, other = probe.orderable(30), probe.orderable(30)
    lines = [((one, 1), (other, 1)), ((other, 1), (one, 1))]
    answers = probe.at_once([probe.order(*lines[number % 2]) for number in range(30)])
    _split(probe, answers, 201, 30, "out-of-stock")


def _one_key(probe: Probe) -> None:
    product_id = probe.orderable(10)
    answers = probe.at_once([probe.order((product_id, 1), key=key) for key in [probe.ids.key()] * 10])
    won = _split(probe, answers, 201, 10, "idempotency-key-reused")
    bodies = {str(answer.document) for answer in won}
    probe.expect(len({answer.document["id"] for answer in won}) == 1, answers[0], "one order", f"bodies {bodies}")
    probe.expect(len(bodies) == 1, answers[0], "the same body in every answer", bodies)
    replays = sum(replayed(answer) for answer in won)
    probe.expect(replays == 9, answers[0], "Idempotency-Replayed on 9 of 10 answers", f"on {replays}")
    probe.placed((product_id, 9))
    probe.refused(probe.order((product_id, 1)), "out-of-stock")


def _one_key_many_contents(probe: Probe) -> None:
    key = probe.ids.key()
    answers = probe.at_once([probe.order((product_id, 1), key=key) for product_id in range(1, 11)])
    _split(probe, answers, 201, 1, "idempotency-key-reused")


def _cancelled(probe: Probe) -> None:
    product_id = probe.orderable(2)
    order = probe.placed((product_id, 2))
    answers = probe.at_once([probe.move(order["id"], "cancelled")] * 10)
    _split(probe, answers, 200, 1, "transition-refused")
    probe.placed((product_id, 2))
    probe.refused(probe.order((product_id, 1)), "out-of-stock")


def _stock(probe: Probe) -> None:
    path = {"product_id": probe.ids.product()}
    requests = [probe.setting.request("setStock", path=path, body={"quantity": number}) for number in range(10)]
    for answer in probe.at_once(requests):
        probe.conforms(answer, 200)


def _one_sku(probe: Probe) -> None:
    sku = probe.ids.sku()
    answers = probe.at_once([probe.setting.request("createProduct", body=probe.product(sku=sku)) for _ in range(10)])
    _split(probe, answers, 201, 1, "sku-taken")


def _readers(probe: Probe) -> None:
    """Reads that begin before the write may see either; one that begins after it must not see the old one."""
    product = probe.created()
    path = {"product_id": product["id"]}
    read = probe.setting.request("getProduct", path=path)
    for _ in range(8):
        write = probe.setting.request("replaceProduct", path=path, body=probe.product(sku=product["sku"]))
        written, *_ = probe.at_once([write, *[read] * 6])
        if not probe.conforms(written, 200):
            return
        for _ in range(2):
            after = probe.succeed(read)
            probe.require(after.document == written.document, after, f"what was written: {written.document}")


def _one_removal(probe: Probe) -> None:
    product = probe.created()
    request = probe.setting.request("deleteProduct", path={"product_id": product["id"]})
    _split(probe, probe.at_once([request] * 10), 204, 1, "not-found")
