"""The daemons of the suite among all pods, and what they have logged."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from addons.demo.suite.charts import NAMESPACE
from addons.demo.suite.pods import PodRun
from addons.demo.suite.site import Site


@dataclass(frozen=True)
class Logs:
    """The logs of all pods of one daemon."""

    folder: Path
    name: str

    def tail(self, lines: int = 15) -> str:
        """Give the end of each."""
        found = sorted(self.folder.glob(f"*/pods/*/{self.name}.log"))
        return "\n".join(
            "\n".join([f"{each.parent.name}:", *each.read_text(errors="replace").splitlines()[-lines:]])
            for each in found
        )


def daemons_of(site: Site) -> Iterator[tuple[str, PodRun]]:
    """Give every pod of a daemon that runs, with the daemon's name."""
    for kubelet in list(site.machines.kubelets.values()):
        for run in list(kubelet.runs.values()):
            if run.namespace == NAMESPACE:
                yield run.pod["spec"]["containers"][0]["name"], run
