"""The real Helm upgrades every former release of a chart to this one on the API emulator, and rolls back."""

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import Object, installed, render
from tests.support.helm import PLURALS, config_of, find
from tests.support.past_charts import PAST, Past, PastRelease, by_name, templates

every_past = pytest.mark.parametrize("past", PAST, ids="-".join)


def kept(past: Past) -> list[Object]:
    """What the former release makes and this one makes as well."""
    given = past.cases()["default"]
    old, new = render(given, past.package), render(given, past.present)
    names = by_name(installed(new)).keys()
    return [obj for name, obj in by_name(installed(old)).items() if name in names and name[0] in PLURALS]


def held(api: KubeApi, obj: Object) -> Object:
    """An object as the API server holds it."""
    found = find(api, obj)
    assert found, f"{obj['kind']} {obj['metadata']['name']} is gone"
    return found


@every_past
async def test_every_object_stays_the_same_one_and_a_rollback_takes_all_back(past: Past) -> None:
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        with config_of(api) as config:
            release = PastRelease(config, past)
            await release.install()
            objects = kept(past)
            before = [held(api, obj) for obj in objects]
            await release.upgrade()
            after = [held(api, obj) for obj in objects]
            assert [each["metadata"]["uid"] for each in after] == [each["metadata"]["uid"] for each in before]
            assert templates(after).keys() == templates(before).keys() != set()
            versions = {each["metadata"]["labels"]["helm.sh/chart"].rpartition("-")[2] for each in after}
            assert past.version not in versions
            await release.rollback()
            assert templates(held(api, obj) for obj in objects) == templates(before)
            assert await release.statuses() == ["superseded", "superseded", "deployed"]
