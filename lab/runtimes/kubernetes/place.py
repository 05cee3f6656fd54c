"""Where a lab on a cluster is, and the file by which later commands find it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.errors import RuntimeFailure
from lab.runtimes.kubernetes.kind import KindConfig
from lab.runtimes.kubernetes.kubectl import Kubectl
from lab.tree import ROOT

CLUSTER = "framework-lab"
NAMESPACE = "framework-lab"
FILE = "cluster.json"
KIND_CONFIG = ROOT / "k8s" / "kind.yaml"


@dataclass(frozen=True, slots=True)
class Place:
    """`cluster` is the name of the kind cluster, made from `config`; empty on any other.

    `kubeconfig` None is the user's own.
    """

    cluster: str
    config: Path
    context: str
    namespace: str
    kubeconfig: Path | None
    image_prefix: str
    namespaced: bool

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.context, self.namespace, self.kubeconfig)

    def write(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        kubeconfig = str(self.kubeconfig) if self.kubeconfig else None
        document = {**asdict(self), "config": str(self.config), "kubeconfig": kubeconfig}
        written = directory / f"{FILE}.new"
        written.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        written.replace(directory / FILE)

    @classmethod
    def read(cls, directory: Path) -> Place | None:
        """None where no lab on a cluster was opened from."""
        try:
            document = json.loads((directory / FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        config, kubeconfig = Path(document.pop("config")), document.pop("kubeconfig")
        return cls(**document, config=config, kubeconfig=Path(kubeconfig) if kubeconfig else None)

    def require_only(self, directory: Path) -> None:
        """Raises RuntimeFailure where the lab of that directory is somewhere else: only one can be found again."""
        other = self.read(directory)
        if other and other._where != self._where:
            remedy = "lab down first, or set LAB_DIR to another directory"
            raise RuntimeFailure(f"the lab of {directory} is on {other}, not on {self}; {remedy}")

    @property
    def _where(self) -> tuple[str, str, str]:
        return self.cluster, self.context, self.namespace

    def __str__(self) -> str:
        return f"the kind cluster {self.cluster}" if self.cluster else f"{self.context}, namespace {self.namespace}"

    @staticmethod
    def forget(directory: Path) -> None:
        (directory / FILE).unlink(missing_ok=True)


def on_kind(directory: Path, environ: Mapping[str, str] = os.environ) -> Place:
    """Of the lab's own cluster, whose kubeconfig is in the lab's directory.

    `LAB_CLUSTER` and `LAB_KIND_CONFIG` say another name and configuration, for two labs on one machine. Raises
    InputError where that configuration is none.
    """
    cluster = environ.get("LAB_CLUSTER") or CLUSTER
    config = Path(environ.get("LAB_KIND_CONFIG") or KIND_CONFIG).absolute()
    KindConfig.read(config)
    return Place(
        cluster=cluster,
        config=config,
        context=f"kind-{cluster}",
        namespace=NAMESPACE,
        kubeconfig=directory.absolute() / f"kubeconfig-{cluster}",
        image_prefix="",
        namespaced=False,
    )
