"""What is kept in ConfigMaps: status, and memory of orders; and what becomes of it in others' hands."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from addons.autoscaler.kube.config_maps import KeptConfigMap
from addons.autoscaler.kube.intents_map import IntentsMap, data_of, memory_of
from addons.autoscaler.kube.status_map import StatusMap
from addons.autoscaler.model.intents import GroupRecord, Intent, Memory, NodeRecord
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.server import KubeApi
from tests.support.virtual import START

NAME = "intents"


def intent(number: int, group: str = "a", pods: tuple[str, ...] = ()) -> Intent:
    return Intent(id=str(number), group=group, count=1, at=5.0, template="lt", pods=pods)


def memory(**groups: GroupRecord) -> Memory:
    return Memory(groups=groups)


class Site:
    """An API server, and somebody who keeps ConfigMaps there."""

    def __init__(self, api: KubeApi, kube: KubeClient) -> None:
        self.api, self.kube = api, kube

    def kept(self) -> KeptConfigMap:
        return KeptConfigMap(self.kube, "default", NAME)

    def found(self) -> dict[str, Any]:
        (found,) = [
            each for each in self.api.store.list("v1", "configmaps") if each["metadata"]["name"] == NAME
        ]
        return dict(found)

    def edit(self, **data: str) -> None:
        found = self.found()
        self.api.store.update("v1", "configmaps", {**found, "data": {**found["data"], **data}})

    def writes(self) -> int:
        return sum(request.verb in ("create", "patch") for request in self.api.requests)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with KubeApi() as api:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(api.kubeconfig())
        async with KubeClient.connect(str(kubeconfig)) as kube:
            yield Site(api, kube)


class TestMemory:
    async def test_what_was_kept_is_there_after_a_restart(self, site: Site) -> None:
        first = IntentsMap(site.kept())
        await first.load()
        kept = Memory(
            groups={"a": GroupRecord(intents=(intent(1),), failures=2), "b/c d": GroupRecord(step=4)},
            nodes={"n": NodeRecord(failures=1)},
            failed_intents=((1.0, "a"),),
        )
        await first.save(kept)
        assert await IntentsMap(site.kept()).load() == (kept, [])

    async def test_only_what_changed_is_written(self, site: Site) -> None:
        intents = IntentsMap(site.kept())
        await intents.load()
        kept = memory(a=GroupRecord(failures=1), b=GroupRecord(failures=1))
        await intents.save(kept)
        before = site.writes()
        await intents.save(kept)
        assert site.writes() == before
        await intents.save(memory(a=GroupRecord(failures=1)))
        assert list(site.found()["data"]) == ["group.a"]

    async def test_what_somebody_garbled_is_forgotten_told_and_costs_nothing_else(self, site: Site) -> None:
        intents = IntentsMap(site.kept())
        await intents.load()
        await intents.save(memory(a=GroupRecord(failures=1), b=GroupRecord(failures=2)))
        site.edit(**{"group.a": "{not json", "nodes": "[]", "note": "left alone"})
        found, problems = await IntentsMap(site.kept()).load()
        assert found == memory(b=GroupRecord(failures=2))
        assert [problem.split()[0] for problem in problems] == ["group.a", "nodes"]

    async def test_a_write_of_somebody_else_is_not_lost(self, site: Site) -> None:
        intents = IntentsMap(site.kept())
        await intents.load()
        ours = memory(a=GroupRecord(intents=(intent(1),)))
        await intents.save(ours)
        other = IntentsMap(site.kept())
        await other.load()
        await other.save(memory(a=GroupRecord(intents=(intent(2),)), b=GroupRecord(failures=1)))
        ours = memory(a=replace(ours.groups["a"], failures=3))
        merged = await intents.save(ours)
        assert merged is not None
        assert {each.id for each in merged.groups["a"].intents} == {"1", "2"}
        assert (merged.groups["a"].failures, merged.groups["b"].failures) == (3, 1)
        assert (await IntentsMap(site.kept()).load())[0] == merged

    async def test_one_that_was_deleted_is_made_anew_with_all_that_is_known(self, site: Site) -> None:
        intents = IntentsMap(site.kept())
        await intents.load()
        await intents.save(memory(a=GroupRecord(failures=1)))
        site.api.store.delete("v1", "configmaps", "default", NAME)
        kept = memory(a=GroupRecord(failures=1), b=GroupRecord(failures=2))
        await intents.save(kept)
        assert (await IntentsMap(site.kept()).load())[0] == kept

    def test_what_is_too_much_for_a_config_map_leaves_out_the_uids_of_pods(self) -> None:
        pods = tuple(f"{number:036}" for number in range(200))
        many = {
            f"g{number}": GroupRecord(intents=(intent(number, f"g{number}", pods),)) for number in range(200)
        }
        data = data_of(Memory(groups=many))
        assert sum(map(len, data.values())) < 1_000_000
        found, problems = memory_of(data)
        assert problems == []
        assert found.groups["g7"].intents == (intent(7, "g7"),)


class TestStatus:
    async def test_it_is_written_when_it_changed_or_got_old(self, site: Site) -> None:
        now = 100.0
        status = StatusMap(site.kept(), idle_seconds=10.0, clock=lambda: now)
        assert status.is_due("one")
        await status.write("text", "one", START)
        now += 5
        assert not status.is_due("one")
        assert status.is_due("two")
        now += 5
        assert status.is_due("one")
        found = site.found()
        assert found["data"] == {"status": "text"}
        moment = found["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/last-updated"]
        assert moment == "2026-01-02 03:04:05.000000000 +0000 UTC"

    async def test_what_changes_all_the_time_is_written_once_a_second(self, site: Site) -> None:
        status = StatusMap(site.kept(), idle_seconds=10.0, clock=asyncio.get_running_loop().time)
        await status.write("text", 1, START)
        assert not status.is_due(2)
