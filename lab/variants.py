"""The variants that the lab knows: every `*/service.yaml` below some folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lab.core import documents
from lab.core.manifest import Manifest
from lab.errors import InputError
from lab.tree import CONTRACT

MANIFEST = "service.yaml"


def load_manifests(folders: Sequence[Path]) -> dict[str, Manifest]:
    """Manifests by name. Raises InputError with every problem of every file; a name used twice is one."""
    schema = json.loads((CONTRACT / "service.schema.json").read_text(encoding="utf-8"))
    found: dict[str, Manifest] = {}
    problems: list[str] = []
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: not a folder")
        for path in sorted(folder.glob(f"*/{MANIFEST}")):
            try:
                document, wrong = documents.read(path.read_text(encoding="utf-8"), schema)
            except (OSError, UnicodeDecodeError) as error:
                document, wrong = None, [f"cannot be read: {error}"]
            if not wrong and document["name"] in found:
                wrong = [f"name: {document['name']} is already that of {found[document['name']].folder / MANIFEST}"]
            if wrong:
                problems += [f"{path}: {problem}" for problem in wrong]
            else:
                found[document["name"]] = Manifest.from_document(document, path.parent.resolve())
    if problems:
        raise InputError("variants", problems)
    return found
