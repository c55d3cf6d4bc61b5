"""The umbrella chart as its users have it: packed with the five charts that it consists of."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import CHARTS, Object, Values, cases, helm, merge, parse
from tests.support.helm import Release, config_of

UMBRELLA = "addons"

SHARED: Values = cases(UMBRELLA)["default"]["global"]
"""What is said once for all five."""

_folder = TemporaryDirectory(prefix="umbrella-")


@cache
def package() -> Path:
    """Pack the umbrella, as `helm dependency update` and `helm package` do, once for all tests."""
    helm.disable_logging()  # it tells of every symbolic link
    copy = Path(_folder.name) / "charts"
    shutil.copytree(CHARTS, copy, symlinks=True, ignore=shutil.ignore_patterns("*.tgz", "Chart.lock"))
    helm.dependency_update(copy / UMBRELLA)
    return Path(helm.package(copy / UMBRELLA, destination=_folder.name))


def chosen(*charts: str, case: str = "default") -> Values:
    """The values that install these charts, each with a case of its own, whole."""
    given: Values = {"global": {}}
    for chart in charts:
        own = cases(chart)[case]
        given = merge(given, {"global": own.pop("global", {}), chart: {"enabled": True, **own}})
    return given


def all_five(*more: Values) -> Values:
    """The fewest values that install all of them, and more."""
    given = cases(UMBRELLA)["default"]
    for layer in more:
        given = merge(given, layer)
    return given


def render_files(given: Values, *, name: str = "aws", namespace: str = "kube-system") -> dict[str, str]:
    """Render the umbrella; the text of every template by its path."""
    with loaded() as chart:
        rendered: dict[str, str] = chart.render(given, name=name, namespace=namespace)
    return rendered


def loaded() -> Any:
    """Load the umbrella anew: what one render leaves out, the same chart never renders again."""
    return helm.Chart.load(package())


def render(given: Values, *, name: str = "aws", namespace: str = "kube-system") -> list[Object]:
    """Render the umbrella; its objects, in the order of the templates' names."""
    texts = render_files(given, name=name, namespace=namespace)
    return [obj for file, text in sorted(texts.items()) if file.endswith(".yaml") for obj in parse(text)]


class UmbrellaRelease(Release):
    """The release `aws` of the umbrella, with all five add-ons."""

    def chart(self) -> Any:
        """What is installed."""
        return loaded()

    def given(self, *more: Values) -> Values:
        """What must be said to install all of it, and more."""
        return all_five(*more)


@asynccontextmanager
async def cluster() -> AsyncIterator[tuple[KubeApi, UmbrellaRelease]]:
    """A cluster in which nothing is installed and everybody needs rights, and a release of the umbrella."""
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        with config_of(api) as config:
            yield api, UmbrellaRelease(config)
