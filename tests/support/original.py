"""What aws-load-balancer-controller made, as it was recorded; tests/clients/original_albs says how.

`account` is what AWS had in the end, `objects` what Kubernetes had: with uids (names of target groups hash
those of Services), finalizers, status and the TargetGroupBindings that it made.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from addons.sim.aws.recording import put_back
from addons.sim.aws.server import AwsEndpoint

Object = dict[str, Any]
_FOLDER = Path(__file__).parent / "original_albs"
NAMES = tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


@dataclass(frozen=True)
class Original:
    """One situation. `cluster` and `vpc` are what the flags named; `calls` counts those of its first look.

    `second_look`: how many calls it took to look at every Ingress again, with nothing changed, and how many
    of them by operation were changes all the same.
    """

    name: str
    cluster: str
    vpc: str
    calls: dict[str, int]
    second_look: dict[str, Any]
    objects: tuple[Object, ...]
    account: dict[str, Any]

    def put_into(self, endpoint: AwsEndpoint) -> None:
        """Let a new endpoint have the account."""
        put_back(endpoint, self.account)

    def of_kind(self, kind: str) -> list[Object]:
        """Give the objects of a kind, e.g. Ingress."""
        return [each for each in self.objects if each["kind"] == kind]


def original(name: str) -> Original:
    """Give a situation by its name, one of `NAMES`."""
    found = json.loads((_FOLDER / f"{name}.json").read_text())
    return Original(
        name,
        found["cluster"],
        found["vpc"],
        found["calls"],
        found["second_look"],
        tuple(found["objects"]),
        found["account"],
    )
