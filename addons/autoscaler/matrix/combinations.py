"""Which cells there are: all combinations of the dimensions, less what is excluded, with what is included."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType, inspect

from addons.autoscaler.matrix.file import Dimensions, Match, MatrixFile, Patterns
from addons.autoscaler.matrix.names import region_of
from addons.autoscaler.matrix.places import Fault, Path, Places
from addons.autoscaler.matrix.wording import nearest, wrong

_FIELDS: Final = {
    "services": "services",
    "instance_types": "instanceTypes",
    "capacity": "capacity",
    "zones": "zones",
}
"""Field -> key in the file, in the order of a name."""

_GLOB = re.compile(r"[*]")


class Combination(NamedTuple):
    """What tells a cell from all others."""

    services: str
    instance_types: str
    capacity: str
    zones: str

    @property
    def text(self) -> str:
        """SERVICE/TYPE/CAPACITY/ZONE."""
        return "/".join(self)


@dataclass(frozen=True, slots=True)
class Found:
    """The combinations, sorted, and what is wrong with the rules that lead to them."""

    combinations: tuple[Combination, ...]
    faults: tuple[Fault, ...]


def combinations_of(file: MatrixFile, places: Places) -> Found:
    """All cells of the file. They do not depend on the order in which anything stands in it.

    There is none where `exclude` takes all away: the matrix is to go as a whole.
    """
    values = _values(file.dimensions)
    faults = [*_doubles(file.dimensions, places), *_elsewhere(file.dimensions, places)]
    crossed = {Combination(*each) for each in product(*(values[name] for name in _FIELDS))}
    cells = crossed
    for number, match in enumerate(file.exclude):
        faults += _unknown(match, ("exclude", number), values, places)
        gone = {each for each in cells if is_matched(each, match)}
        if not gone and not faults:
            faults.append(
                places.fault(("exclude", number), "no cell is like this: there is nothing to exclude")
            )
    cells = {each for each in cells if not any(is_matched(each, match) for match in file.exclude)}
    for number, match in enumerate(file.include):
        lists = _included(match, ("include", number), values, places, faults)
        cells |= {Combination(*each) for each in product(*lists)}
    if crossed and not cells:
        return Found((), tuple(faults))
    faults += _unmatched(file, cells, places)
    if not cells and not faults:
        faults.append(places.fault(("dimensions",), "there is no cell: each dimension needs a value"))
    return Found(tuple(sorted(cells)), tuple(faults))


def is_matched(combination: Combination, match: Match) -> bool:
    """Whether the cell is one of those meant."""
    return all(
        any(fnmatchcase(getattr(combination, name), pattern) for pattern in patterns)
        for name, patterns in _given(match)
    )


def _given(match: Match) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The dimensions that are given, with their patterns."""
    for name in _FIELDS:
        patterns: Patterns | UnsetType = getattr(match, name)
        if patterns is not UNSET:
            yield name, (patterns,) if isinstance(patterns, str) else tuple(patterns)


def _values(dimensions: Dimensions) -> dict[str, tuple[str, ...]]:
    return {name: tuple(getattr(dimensions, name)) for name in _FIELDS}


def _doubles(dimensions: Dimensions, places: Places) -> Iterator[Fault]:
    """What a dimension has twice. A mapping cannot."""
    for name, key in _FIELDS.items():
        values = tuple(getattr(dimensions, name))
        for number, value in enumerate(values):
            if value in values[:number]:
                yield places.fault(("dimensions", key, number), f"{value} is there twice")


def _elsewhere(dimensions: Dimensions, places: Places) -> Iterator[Fault]:
    """Zones that are not of the region of the first."""
    first, *others = dimensions.zones or ("",)
    for zone in others:
        if region_of(zone) != region_of(first):
            message = f"it is not in {region_of(first)}, as {first} is: write a file for each region"
            yield places.fault(("dimensions", "zones", zone), message)


def _unknown(
    match: Match, path: Path, values: Mapping[str, tuple[str, ...]], places: Places
) -> Iterator[Fault]:
    """Names that nothing has."""
    for name, patterns in _given(match):
        for number, pattern in enumerate(patterns):
            if not any(fnmatchcase(each, pattern) for each in values[name]):
                place = (*path, _FIELDS[name], number) if len(patterns) > 1 else (*path, _FIELDS[name])
                yield places.fault(place, f"no cell has {pattern!r}{nearest(pattern, values[name])}")


def _included(
    match: Match, path: Path, values: Mapping[str, tuple[str, ...]], places: Places, faults: list[Fault]
) -> list[tuple[str, ...]]:
    """The values of each dimension that an include asks for; what cannot be included becomes faults."""
    given = dict(_given(match))
    lists = []
    for name, key in _FIELDS.items():
        found: list[str] = []
        for pattern in given.get(name, ("*",)):
            matching = [each for each in values[name] if fnmatchcase(each, pattern)]
            if not matching and (fault := _not_includable(name, pattern, values[name])):
                faults.append(places.fault((*path, key), fault))
            elif not matching:
                matching = [pattern]
            found += matching
        lists.append(tuple(dict.fromkeys(found)))
    return lists


def _not_includable(name: str, value: str, known: tuple[str, ...]) -> str:
    """Why a value that no dimension has cannot be included; "" where it can."""
    if _GLOB.search(value) or name in ("capacity", "zones"):
        return f"no cell has {value!r}{nearest(value, known)}"
    types = {"instance_types": _INSTANCE_TYPE, "services": _SERVICE}
    return wrong(value, types[name]) or ""


def _unmatched(file: MatrixFile, cells: set[Combination], places: Places) -> Iterator[Fault]:
    """Overrides that are for no cell."""
    values = {name: tuple(sorted({getattr(each, name) for each in cells})) for name in _FIELDS}
    for number, override in enumerate(file.cells):
        path: Path = ("cells", number, "match")
        faults = list(_unknown(override.match, path, values, places))
        yield from faults
        if not faults and not any(is_matched(each, override.match) for each in cells):
            yield places.fault(path, "no cell is like this")


def _item_of(name: str) -> inspect.Type:
    """The type of what stands in the list of a dimension."""
    fields = {each.name: each.type for each in inspect.type_info(Dimensions).fields}  # type: ignore[attr-defined]
    return next(each.item_type for each in fields[name].types if isinstance(each, inspect.VarTupleType))


_INSTANCE_TYPE, _SERVICE = _item_of("instance_types"), _item_of("services")
