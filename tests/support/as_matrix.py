"""Files of a matrix, its cells, its stacks and its groups, in few words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from addons.autoscaler.matrix.expansion import Matrix, matrix_of
from addons.autoscaler.matrix.places import Faults
from addons.autoscaler.matrix.plan import plan
from addons.autoscaler.model.groups import Instance
from addons.autoscaler.model.matrix import Cell, RollGroup, RollInstance, Stack, StackPlan

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "autoscaler-matrix.yaml"
FILE = "shop.yaml"
VERSION = "1.0"
BASE = """\
matrix: shop
cluster: prod
defaults:
  image: ami-1
  max: 10
  labels: {team: shop}
  taints: ["dedicated=shop:NoSchedule"]
  kernel: {vm.swappiness: 1}
  userData: |
    #!/bin/bash
    bootstrap ${kubeletArguments}
    ${kernelCommand}
dimensions:
  instanceTypes: [m5.large, c5.large]
  capacity: [on-demand, spot]
  zones: {eu-central-1a: subnet-1, eu-central-1b: [subnet-2, subnet-3]}
  services: {web: , jobs: {min: 1}}
exclude: [{instanceTypes: c5.large, capacity: spot}]
include: [{instanceTypes: r5.large, services: web}]
cells: [{match: {services: jobs}, set: {max: 20}}]
keep: ["prod-old-*"]
"""


def with_lines(changes: dict[int, str], text: str = BASE) -> str:
    """The text with other lines in place of some; lines count from 1."""
    lines = text.splitlines()
    for number, line in changes.items():
        lines[number - 1] = line
    return "\n".join(lines) + "\n"


def example() -> Matrix:
    """The matrix of the documentation: 36 cells."""
    return matrix_of(EXAMPLE.read_text(), EXAMPLE.name)


def base(changes: dict[int, str] | None = None) -> Matrix:
    """The matrix of BASE, with other lines."""
    return matrix_of(with_lines(changes or {}), FILE)


def told(text: str) -> list[str]:
    """What is wrong with a text, each fault as it is told; nothing where it can be read."""
    try:
        matrix_of(text, FILE)
    except Faults as faults:
        return str(faults).splitlines()
    return []


def cell(id_: str, matrix: Matrix | None = None, **changes: Any) -> Cell:
    """A cell of the matrix by its id, with other values."""
    found = {each.id: each for each in (matrix or base()).cells}
    return replace(found[id_], **changes)


def stacks(matrix: Matrix, **changes: Any) -> list[Stack]:
    """The stacks of a matrix that is there as it is asked for."""
    made = plan(matrix, (), VERSION)
    return [Stack(name=each.name, tags=dict(each.tags), **changes) for each in made]


def planned(matrix: Matrix, there: list[Stack]) -> dict[str, StackPlan]:
    """The plan by the names of stacks."""
    return {each.name: each for each in plan(matrix, there, VERSION)}


def old(id_: str, **parts: Any) -> RollInstance:
    """A ready instance of an older launch."""
    return new(id_, **{"launch": "older", **parts})


def new(id_: str, **parts: Any) -> RollInstance:
    """A ready instance of the present launch."""
    own = {key: parts.pop(key) for key in ("state", "is_protected", "launch_template") if key in parts}
    known = {"node": f"node-{id_}", "launch": "newer", "is_ready": True}
    return RollInstance(instance=Instance(id_, **own), **{**known, **parts})


def group(*instances: RollInstance, **parts: Any) -> RollGroup:
    """A group with these instances, as many as it wants."""
    known = {"min_size": 0, "max_size": 10, "desired": len(instances), "launch": "newer"}
    return RollGroup(name="prod-web", instances=instances, **{**known, **parts})
