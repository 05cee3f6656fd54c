"""What a run leaves behind, file by file."""

from __future__ import annotations

import json
from pathlib import Path

from lab.core.exposition import Scrape
from lab.report.folder import ResultsFolder
from tests.core.made import trial


def test_metrics_are_kept_as_they_were_a_line_for_each_scrape(tmp_path: Path) -> None:
    text = "# TYPE up gauge\nup 1\n"
    with ResultsFolder(tmp_path, "run") as folder:
        scrapes = [Scrape("a-catalog-1", 0.00123, text), Scrape("a-catalog-1", 5.0, text)]
        folder.metrics(trial("a", 3), {"a-catalog": scrapes, "a-orders": [Scrape("a-orders-1", 0.002, text)]})
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    of_trial = {"variant": "a", "part": "climb", "step": 3, "case": ""}
    assert lines == [
        {**of_trial, "service": "a-catalog", "replica": "a-catalog-1", "at_s": 0.001, "text": text},
        {**of_trial, "service": "a-catalog", "replica": "a-catalog-1", "at_s": 5.0, "text": text},
        {**of_trial, "service": "a-orders", "replica": "a-orders-1", "at_s": 0.002, "text": text},
    ]
