"""From the text of a file to its cells, or to all that is wrong with it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from addons.autoscaler.matrix import cells, checks
from addons.autoscaler.matrix.combinations import combinations_of
from addons.autoscaler.matrix.file import MatrixFile
from addons.autoscaler.matrix.places import Fault, Faults, Path, Places
from addons.autoscaler.matrix.reading import read
from addons.autoscaler.model.matrix import Cell

MOST_CELLS: Final = 2000
"""An account has no more stacks, unless AWS has raised that."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a file asks for: its cells, by name, and the patterns of names that stay in any case."""

    name: str
    cluster: str
    cells: tuple[Cell, ...]
    keep: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of SSM that are to be looked up before anything is planned."""
        return tuple(sorted({each.parameter for each in self.cells if each.parameter}))

    def with_images(self, images: dict[str, str]) -> "Matrix":
        """The same with the images that the parameters name. Raises ValueError for those that have none."""
        if missing := [each for each in self.parameters if not images.get(each, "").startswith("ami-")]:
            raise ValueError(f"no image is known by the parameters of SSM: {', '.join(missing)}")
        found = (replace(each, image=images.get(each.parameter, each.image)) for each in self.cells)
        return replace(self, cells=tuple(found))


def matrix_of(text: str, file: str) -> Matrix:
    """Read a file, and make its cells. Raises Faults with all that is wrong; `file` names it there."""
    found, places, faults = read(text, file)
    made: list[Cell] = []
    if found is not None:
        for layer in checks.layers_of(found):
            faults += checks.faults_of(layer, places)
        if not any(each.path.startswith(("dimensions", "include", "exclude")) for each in faults):
            made, wrong = _cells(found, places)
            told = {each.path for each in faults}
            faults += [each for each in wrong if each.path not in told]
    if faults or found is None:
        raise Faults(file, faults)
    return Matrix(found.matrix, found.cluster, tuple(sorted(made, key=lambda cell: cell.name)), found.keep)


def _cells(file: MatrixFile, places: Places) -> tuple[list[Cell], list[Fault]]:
    """The cells, and what is wrong with them together."""
    combinations = combinations_of(file, places)
    count = len(combinations.combinations)
    if count > MOST_CELLS:
        return [], [
            places.fault(("dimensions",), f"{count} cells are too many: an account has {MOST_CELLS} stacks")
        ]
    made: list[Cell] = []
    wrong: dict[tuple[Path, str], list[Cell]] = {}
    for each in combinations.combinations:
        settings = cells.settings_of(file, each)
        cell = cells.cell_of(file, each, settings)
        made.append(cell)
        for path, message in cells.faults_of(cell, settings):
            wrong.setdefault((path, message), []).append(cell)
    faults = [places.fault(path, f"{message} ({_named(who)})") for (path, message), who in wrong.items()]
    return made, [*combinations.faults, *faults, *_clashes(made, places)]


def _named(cells: list[Cell]) -> str:
    if len(cells) == 1:
        return f"cell {cells[0].id}"
    return f"{len(cells)} cells, such as {cells[0].id}"


def _clashes(cells: Iterable[Cell], places: Places) -> Iterator[Fault]:
    """Cells whose names are the same once all signs that names cannot have are dashes."""
    by_name: dict[str, Cell] = {}
    for cell in cells:
        other = by_name.setdefault(cell.name, cell)
        if other is not cell:
            message = f"cells {other.id} and {cell.id} would both be named {cell.name}: rename one of them"
            yield places.fault(("dimensions", "services"), message)
