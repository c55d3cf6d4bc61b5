"""What a file of a matrix asks for, held against the stacks that there are: read, never written."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from addons.autoscaler.aws.images import images_of
from addons.autoscaler.aws.stacks import Stacks
from addons.autoscaler.matrix.expansion import Matrix, matrix_of
from addons.autoscaler.matrix.names import region_of
from addons.autoscaler.matrix.places import Faults
from addons.autoscaler.matrix.plan import plan
from addons.autoscaler.model.matrix import StackPlan
from addons.runtime.aws import AwsSession


class Unusable(Exception):
    """What was given cannot be used; it says what, and how it would be."""


def read_matrix(path: str) -> Matrix:
    """Read a file. Raises Unusable with all that is wrong with it."""
    try:
        return matrix_of(Path(path).read_text(), path)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unusable(f"{path}: is no text in UTF-8") from None
    except Faults as faults:
        raise Unusable(str(faults)) from None


def region_for(matrix: Matrix, given: str) -> str:
    """The region of the zones of a matrix. Raises Unusable where they are of several, or not of the one that
    is `given` ("" for none)."""
    regions = sorted({region_of(each.zone) for each in matrix.cells})
    if len(regions) > 1:
        raise Unusable(f"matrix {matrix.name}: zones of {', '.join(regions)}: write a file for each region")
    if given and regions and regions[0] != given:
        raise Unusable(f"matrix {matrix.name}: its zones are of {regions[0]}, and the AWS region is {given}")
    return given or "".join(regions)


async def planned(aws: AwsSession, matrix: Matrix, version: str) -> tuple[Matrix, tuple[StackPlan, ...]]:
    """The matrix with the images of now, and what each of its stacks needs. Raises OutsideError, Unusable."""
    try:
        found = matrix.with_images(await images_of(aws, matrix.parameters))
    except ValueError as error:
        raise Unusable(str(error)) from None
    return found, plan(found, await Stacks(aws).all(), version)


def chosen(plans: Iterable[StackPlan], patterns: Iterable[str]) -> tuple[StackPlan, ...]:
    """The plans of those cells whose name or id fits one of the patterns; all without any.

    Raises Unusable for a pattern that nothing fits.
    """
    found, wanted = tuple(plans), tuple(patterns)
    for pattern in wanted:
        if not any(_fits(each, pattern) for each in found):
            raise Unusable(f"--cell {pattern}: no cell or stack is named so; * stands for anything")
    return tuple(each for each in found if not wanted or any(_fits(each, pattern) for pattern in wanted))


def _fits(plan: StackPlan, pattern: str) -> bool:
    cell = plan.cell.id if plan.cell else ""
    return fnmatchcase(plan.name, pattern) or fnmatchcase(cell, pattern)
