"""Checks contracts for a lab that is elsewhere: `python -m lab.contract.worker --seed 1`, in a cluster.

Takes JSON on standard input, a document a line, and answers on standard output: `{"ready": true}` to each
`{"hello": true}`, and `{"id": ..., "report": ...}` or `{"id": ..., "error": text}` to each check, in the order in
which they end. A check has `id`, `url`, `role`, `operations`, `token_key` (base64), `fake_catalog_url`, `metrics_url`.
The end of the input ends it, whatever runs, with exit code 0.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from lab.contract.checker import HttpContractChecker
from lab.core.connecting import passes
from lab.errors import LabError

CONNECTED_WITHIN_S = 5.0
AGAIN_AFTER_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True, help="decides which requests are made up")
    worker = _Worker(HttpContractChecker(parser.parse_args().seed))
    for line in sys.stdin:
        message = json.loads(line)
        if "hello" in message:
            worker.say({"ready": True})
        else:
            threading.Thread(target=worker.check, args=(message,)).start()
    os._exit(0)  # nobody waits for what still runs


class _Worker:
    def __init__(self, checker: HttpContractChecker) -> None:
        self._checker = checker
        self._saying = threading.Lock()

    def say(self, answer: Mapping[str, Any]) -> None:
        with self._saying:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()

    def check(self, message: Mapping[str, Any]) -> None:
        """A mistake of ours ends the worker: somebody waits for the answer."""
        try:
            _wait_until_connected(message["url"])
            report = self._checker.check(
                message["url"],
                message["role"],
                message["operations"],
                base64.b64decode(message["token_key"]),
                message["fake_catalog_url"],
                message["metrics_url"],
            )
            self.say({"id": message["id"], "report": asdict(report)})
        except LabError as error:
            self.say({"id": message["id"], "error": str(error)})
        except BaseException:
            traceback.print_exc()
            os._exit(1)


def _wait_until_connected(url: str) -> None:
    """Or until it is clear that waiting does not help."""
    address = urlsplit(url)
    give_up = time.monotonic() + CONNECTED_WITHIN_S
    while time.monotonic() < give_up:
        try:
            socket.create_connection((address.hostname or "", address.port or 80), CONNECTED_WITHIN_S).close()
        except OSError as error:
            if not passes(error):
                return  # the check says what is wrong
            time.sleep(AGAIN_AFTER_S)
        else:
            return


if __name__ == "__main__":
    main()
