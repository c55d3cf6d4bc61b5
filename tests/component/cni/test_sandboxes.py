"""ADD, DEL, CHECK, GC and STATUS, as runtimes mean them and as they come in practice."""

import asyncio
import errno
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from addons.cni import names
from addons.cni.controller.pods import KnownPod
from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.model.requests import CniError
from addons.cni.store.records import Quarantined
from addons.runtime.errors import NotFound, Unavailable
from addons.runtime.outcomes import Skip
from tests.component.cni.test_journal import Disk
from tests.support.cni_socket import Node, eni, ip, more_gone, name_of, request
from tests.support.virtual import virtual_now

pytestmark = pytest.mark.virtual_time

OLD, NEW = PodId("shop", "db-0", "uid-old"), PodId("shop", "db-0", "uid-new")
LINK = name_of(OLD, "eth0")


def started(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    return asyncio.create_task(work)


async def refused(work: Any) -> CniError:
    """Wait for an error."""
    with pytest.raises(CniError) as caught:
        await work
    return caught.value


def known(pod: PodId, *, is_ending: bool = False) -> KnownPod:
    return KnownPod(frozenset({pod.uid}), is_ending)


@pytest.fixture
async def node(tmp_path: Path) -> Node:
    return Node(tmp_path, 1, 2, 3, now=virtual_now)


class TestAdd:
    """A sandbox gets an address, once."""

    async def test_a_sandbox_gets_an_address_and_a_link(self, node: Node) -> None:
        assert await node.add("c1", NEW) == "10.0.0.1/32"
        assert node.kernel.links == {LINK: SandboxKey("aws-cni", "c1", "eth0")}

    async def test_the_same_request_again_is_answered_the_same(self, node: Node) -> None:
        assert [await node.add("c1", NEW), await node.add("c1", NEW)] == ["10.0.0.1/32"] * 2

    async def test_the_same_request_twice_at_once_is_answered_the_same(self, node: Node) -> None:
        first, second = await asyncio.gather(node.add("c1", NEW), node.add("c1", NEW))
        assert (first, second) == ("10.0.0.1/32", "10.0.0.1/32")

    async def test_thirty_at_once_get_thirty_addresses(self, tmp_path: Path) -> None:
        node = Node(tmp_path, *range(1, 31), now=virtual_now)
        added = await asyncio.gather(*(node.add(f"c{n}", PodId("shop", f"web-{n}")) for n in range(30)))
        assert len(set(added)) == 30

    async def test_a_second_interface_has_an_address_and_a_link_of_its_own(self, node: Node) -> None:
        assert await node.add("c1", NEW) != await node.add("c1", NEW, if_name="net1")
        assert len(node.kernel.links) == 2

    async def test_a_runtime_that_knows_no_pods_is_served(self, node: Node) -> None:
        await node.add("c1")
        await node.add("c2")
        assert len(node.kernel.links) == 2

    async def test_wiring_that_fails_leaves_nothing_and_the_address_rests(self, node: Node) -> None:
        node.kernel.failures = [Unavailable("link: no memory")]
        error = await refused(node.add("c1", NEW))
        assert (error.code, error.message) == (101, "container c1/eth0 with 10.0.0.1: link: no memory")
        assert node.held == {}
        assert await node.add("c2", NEW) == "10.0.0.2/32"

    async def test_what_plugins_before_have_made_is_passed_on(self, node: Node) -> None:
        before = {
            "interfaces": [{"name": "vlan0"}],
            "ips": [{"address": "192.0.2.1/24", "interface": 0}],
            "dns": {"nameservers": ["192.0.2.53"]},
            "theirs": 1,
        }
        asked = request("ADD", "c1", NEW, previous=before)
        result = await node.sandboxes.add(asked, more_gone())
        assert [each["name"] for each in result["interfaces"]] == ["vlan0", LINK, "eth0"]
        assert [each["interface"] for each in result["ips"]] == [0, 2]
        assert (result["dns"], result["theirs"]) == ({"nameservers": ["192.0.2.53"]}, 1)

    async def test_a_full_disk_refuses_it_and_nothing_is_wired(self, node: Node) -> None:
        with Disk(0, 0.3, errno.ENOSPC).between():
            error = await refused(node.add("c1", NEW))
        assert (error.code, error.reason) == (5, names.JOURNAL_FAILED)
        assert (node.kernel.links, node.addresses.in_use) == ({}, frozenset())

    async def test_an_address_in_quarantine_is_not_handed_out(self, node: Node) -> None:
        await node.journal.write(Quarantined(ip(1), "EC2 has it on another interface"))
        assert await node.add("c1", NEW) == "10.0.0.2/32"

    async def test_an_address_that_is_being_released_is_not_handed_out(self, node: Node) -> None:
        await node.add("c1", NEW)
        assert node.addresses.withhold([ip(1), ip(2)]) == {ip(2)}
        assert await node.add("c2") == "10.0.0.3/32"


class TestWaiting:
    """An ADD waits for an address, in the order of coming, and no longer than it is wanted."""

    @pytest.fixture
    async def node(self, tmp_path: Path) -> Node:
        return Node(tmp_path, now=virtual_now)

    async def test_who_came_first_is_served_first(self, node: Node) -> None:
        tasks = [started(node.add(f"c{n}")) for n in range(3)]
        await asyncio.sleep(1)
        assert node.addresses.waiting == 3
        node.addresses.enis_changed([eni(1)])
        await asyncio.wait(tasks, timeout=1)
        assert [task.done() for task in tasks] == [True, False, False]
        node.addresses.enis_changed([eni(1, 2, 3)])
        assert await asyncio.gather(*tasks) == ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32"]

    async def test_it_ends_in_time_with_the_reason(self, node: Node) -> None:
        why = Skip("pool", None, names.SUBNET_EXHAUSTED, "subnet subnet-1 has 0 free addresses")
        node.addresses.explain(why, can_grow=True)
        begun = asyncio.get_running_loop().time()
        error = await refused(node.add("c1", NEW))
        assert asyncio.get_running_loop().time() - begun == 30.0
        assert error.message == "no address for pod shop/db-0: subnet subnet-1 has 0 free addresses"
        assert (error.code, error.details, error.reason) == (11, "waited 30 s", names.SUBNET_EXHAUSTED)
        assert node.addresses.waiting == 0

    async def test_it_ends_at_once_with_the_del_of_its_container(self, node: Node) -> None:
        task = started(node.add("c1", NEW))
        await asyncio.sleep(1)
        await node.delete("c1", NEW)
        assert (await refused(task)).reason == names.CONTAINER_DELETED
        node.addresses.enis_changed([eni(1)])
        assert await node.add("c2", NEW) == "10.0.0.1/32"

    async def test_it_ends_at_once_when_its_pod_is_deleted(self, node: Node) -> None:
        tasks = [started(node.add("c1", OLD)), started(node.add("c2", PodId("shop", "web", "uid-web")))]
        await asyncio.sleep(1)
        node.sandboxes.attempts.pod_deleted(OLD)
        assert (await refused(tasks[0])).reason == names.POD_DELETED
        node.addresses.enis_changed([eni(1)])
        assert await tasks[1] == "10.0.0.1/32"

    async def test_the_end_of_a_predecessor_does_not_end_it(self, node: Node) -> None:
        task = started(node.add("c1", NEW))
        await asyncio.sleep(1)
        node.sandboxes.attempts.pod_deleted(OLD)
        node.addresses.enis_changed([eni(1)])
        assert await task == "10.0.0.1/32"

    async def test_it_does_not_begin_to_wait_for_a_pod_that_is_ending(self, node: Node) -> None:
        node.api.seen["shop", "db-0"] = known(NEW, is_ending=True)
        assert (await refused(node.add("c1", NEW))).reason == names.POD_DELETED

    async def test_it_ends_at_once_when_nobody_waits_for_the_answer(self, node: Node) -> None:
        gone = more_gone()
        task = started(node.sandboxes.add(request("ADD", "c1", NEW), gone))
        await asyncio.sleep(1)
        gone.set_result(None)
        assert (await refused(task)).reason == names.PLUGIN_GONE
        assert node.addresses.waiting == 0

    async def test_an_address_that_has_rested_is_given_to_who_waits(self, tmp_path: Path) -> None:
        node = Node(tmp_path / "state", 1, now=virtual_now, cooldown=20.0)
        await node.add("c1", OLD)
        await node.delete("c1", OLD)
        begun = asyncio.get_running_loop().time()
        assert await node.add("c2", NEW) == "10.0.0.1/32"
        assert asyncio.get_running_loop().time() - begun == pytest.approx(20.0)

    async def test_where_nothing_can_grow_the_minimum_of_rest_is_enough(self, tmp_path: Path) -> None:
        node = Node(tmp_path / "state", 1, now=virtual_now, minimum_cooldown=timedelta(seconds=10))
        await node.add("c1", OLD)
        await node.delete("c1", OLD)
        node.addresses.explain(None, can_grow=False)
        begun = asyncio.get_running_loop().time()
        assert await node.add("c2", NEW) == "10.0.0.1/32"
        assert asyncio.get_running_loop().time() - begun == pytest.approx(10.0)


class TestDelete:
    """DEL comes more than once, with more and less in it, and before the ADD has ended."""

    async def test_it_may_be_repeated_without_namespace_and_result(self, node: Node) -> None:
        await node.add("c1", NEW)
        await node.delete("c1", NEW)
        await node.delete("c1", NEW, netns="")
        await node.delete("never-seen")
        assert (node.kernel.links, node.held) == ({}, {})

    async def test_the_address_rests_across_a_restart(self, tmp_path: Path, node: Node) -> None:
        await node.add("c1", NEW)
        await node.delete("c1", NEW)
        await node.journal.close()
        after = Node(tmp_path, 1, 2, now=virtual_now)
        assert await after.add("c2") == "10.0.0.2/32"
        await asyncio.sleep(31)
        assert await after.add("c3") == "10.0.0.1/32"

    async def test_while_its_add_is_wiring_it_leaves_nothing(self, node: Node) -> None:
        node.kernel.held = asyncio.Event()
        adding = started(node.add("c1", NEW))
        await asyncio.sleep(1)
        deleting = started(node.delete("c1", NEW))
        await asyncio.sleep(1)
        node.kernel.held.set()
        assert (await refused(adding)).reason == names.CONTAINER_DELETED
        await deleting
        assert (node.kernel.links, node.held) == ({}, {})

    async def test_an_add_that_comes_after_it_is_refused(self, tmp_path: Path, node: Node) -> None:
        await node.delete("c1", NEW)
        await node.journal.close()
        after = Node(tmp_path, 1, now=virtual_now)
        assert (await refused(after.add("c1", NEW))).reason == names.CONTAINER_DELETED

    async def test_a_runtime_without_pods_may_start_a_container_again(self, node: Node) -> None:
        await node.add("c1")
        await node.delete("c1")
        await node.delete("c1")
        assert await node.add("c1") == "10.0.0.2/32"

    async def test_the_kernels_refusal_is_told_and_nothing_is_released(self, node: Node) -> None:
        await node.add("c1", NEW)
        node.kernel.failures = [Unavailable("busy")]
        assert (await refused(node.delete("c1", NEW))).code == 101
        assert node.held == {"c1": "10.0.0.1"}
        await node.delete("c1", NEW)
        assert node.held == {}

    async def test_a_namespace_that_is_gone_does_not_hinder_it(self, node: Node) -> None:
        await node.add("c1", NEW)
        node.kernel.failures = [NotFound("namespace")]
        await node.delete("c1", NEW, netns="")
        assert node.held == {}

    async def test_a_full_disk_does_not_hinder_it(self, node: Node) -> None:
        await node.add("c1", NEW)
        with Disk(0, 0.3, errno.ENOSPC).between():
            await node.delete("c1", NEW)
            assert (await refused(node.add("c2", NEW))).code == 5
        assert (node.held, node.kernel.links) == ({}, {})
        assert await node.add("c3", NEW) == "10.0.0.2/32"

    async def test_it_finds_what_was_added_under_another_name_of_the_network(self, node: Node) -> None:
        await node.add("c1", NEW)
        asked = request("DEL", "c1", NEW)
        await node.sandboxes.delete(
            type(asked)(command="DEL", cni_version="1.0.0", key=SandboxKey("renamed", "c1", "eth0"))
        )
        assert node.held == {}


class TestSuccession:
    """A pod re-created under its name: only the UID tells it from its predecessor."""

    async def test_the_new_pod_takes_the_name_from_a_sandbox_that_is_left(self, node: Node) -> None:
        await node.add("old", OLD)
        node.api.now["shop", "db-0"] = known(NEW)
        await node.add("new", NEW)
        assert node.kernel.links[LINK].container_id == "new"
        await node.delete("old", OLD)
        assert node.held == {"new": "10.0.0.2"}
        assert node.kernel.links[LINK].container_id == "new"

    async def test_a_late_add_of_the_old_pod_is_refused(self, node: Node) -> None:
        node.api.seen["shop", "db-0"] = node.api.now["shop", "db-0"] = known(NEW)
        await node.add("new", NEW)
        error = await refused(node.add("old", OLD))
        assert (error.code, error.reason) == (103, names.POD_REPLACED)
        assert error.message == "pod shop/db-0 with uid uid-old was replaced: its uid is uid-new now"
        assert node.kernel.links[LINK].container_id == "new"

    async def test_a_late_add_is_refused_though_the_watch_still_shows_the_old_pod(self, node: Node) -> None:
        node.api.seen["shop", "db-0"], node.api.now["shop", "db-0"] = known(OLD), known(NEW)
        await node.add("new", NEW)
        assert (await refused(node.add("old", OLD))).reason == names.POD_REPLACED
        assert node.held == {"new": "10.0.0.1"}

    async def test_an_add_that_still_wires_gives_way_to_its_successor(self, node: Node) -> None:
        node.kernel.held = asyncio.Event()
        old = started(node.add("old", OLD))
        await asyncio.sleep(1)
        node.api.now["shop", "db-0"] = known(NEW)
        new = started(node.add("new", NEW))
        await asyncio.sleep(1)
        node.kernel.held.set()
        await asyncio.wait([old, new])
        assert node.held == {"new": "10.0.0.2"}
        assert node.kernel.links[LINK].container_id == "new"

    async def test_another_sandbox_of_the_same_pod_takes_its_place(self, node: Node) -> None:
        await node.add("first", NEW)
        await node.add("second", NEW)
        assert node.held == {"second": "10.0.0.2"}

    async def test_the_uid_of_a_static_pod_is_in_an_annotation_of_its_mirror(self, node: Node) -> None:
        both = KnownPod(frozenset({"uid-mirror", NEW.uid}))
        node.api.seen["shop", "db-0"] = node.api.now["shop", "db-0"] = both
        assert await node.add("c1", NEW) == "10.0.0.1/32"

    async def test_a_pod_that_kubernetes_does_not_have_yet_passes(self, node: Node) -> None:
        assert await node.add("c1", NEW) == "10.0.0.1/32"

    async def test_nobody_is_refused_while_the_api_server_is_away(self, node: Node) -> None:
        node.api.seen["shop", "db-0"] = known(OLD)
        node.api.error = Unavailable("connection refused")
        assert await node.add("c1", NEW) == "10.0.0.1/32"

    async def test_of_two_whose_order_cannot_be_told_the_holder_keeps_its_network(self, node: Node) -> None:
        await node.add("old", OLD)
        node.api.error = Unavailable("connection refused")
        error = await refused(node.add("new", NEW))
        assert (error.code, error.details) == (11, "connection refused")
        assert node.held == {"old": "10.0.0.1"}


class TestCheck:
    """CHECK tells the truth."""

    async def test_all_is_as_it_was_made(self, node: Node) -> None:
        result = await node.sandboxes.add(request("ADD", "c1", NEW), more_gone())
        await node.sandboxes.check(request("CHECK", "c1", NEW, previous=result))

    async def test_what_is_not_is_told(self, node: Node) -> None:
        result = await node.sandboxes.add(request("ADD", "c1", NEW), more_gone())
        node.kernel.differences = ("route 169.254.1.1 is missing", "link eth0 is down")
        error = await refused(node.sandboxes.check(request("CHECK", "c1", NEW, previous=result)))
        assert (error.code, error.message) == (
            102,
            "container c1/eth0: route 169.254.1.1 is missing; link eth0 is down",
        )

    async def test_another_address_in_the_result_is_told(self, node: Node) -> None:
        await node.add("c1", NEW)
        previous = {"ips": [{"address": "10.0.0.9/32"}]}
        error = await refused(node.sandboxes.check(request("CHECK", "c1", NEW, previous=previous)))
        assert error.message == "container c1/eth0: prevResult lacks 10.0.0.1, which is its address"

    async def test_a_container_without_an_address_is_unknown(self, node: Node) -> None:
        assert (await refused(node.sandboxes.check(request("CHECK", "c1", previous={})))).code == 3


class TestGarbage:
    """GC takes back what is not listed, and only in its own network."""

    def gc(self, *valid: str, network: str = "aws-cni") -> Any:
        kept = tuple(SandboxKey(network, each, "eth0") for each in valid)
        return request("GC", valid=kept, cni_version="1.1.0", config={"name": network})

    async def test_what_is_not_listed_is_released(self, node: Node) -> None:
        for container in ("c1", "c2", "c3"):
            await node.add(container)
        await node.sandboxes.collect(self.gc("c2"))
        assert list(node.held) == ["c2"]
        assert len(node.kernel.links) == 1

    async def test_another_network_is_not_touched(self, node: Node) -> None:
        await node.add("c1")
        await node.sandboxes.collect(self.gc(network="other"))
        assert list(node.held) == ["c1"]

    async def test_it_waits_for_an_add_that_wires_but_not_for_one_that_waits(self, node: Node) -> None:
        node.kernel.held = asyncio.Event()
        adding = [started(node.add(f"c{n}")) for n in range(4)]
        await asyncio.sleep(1)
        collecting = started(node.sandboxes.collect(self.gc()))
        await asyncio.sleep(1)
        assert not collecting.done()
        node.kernel.held.set()
        await collecting
        assert [task.done() for task in adding] == [True, True, True, False]
        assert node.held == {}
        adding[3].cancel()

    async def test_what_fails_is_told_and_the_rest_is_released(self, node: Node) -> None:
        await node.add("c1")
        await node.add("c2")
        node.kernel.failures = [Unavailable("busy")]
        assert "busy" in (await refused(node.sandboxes.collect(self.gc()))).message
        assert list(node.held) == ["c1"]


class TestStatus:
    """STATUS says whether an ADD can be served; a pool that is exhausted is no fault of the node."""

    async def test_a_node_that_is_not_ready_says_why(self, node: Node) -> None:
        node.not_ready = "the node's network interfaces are not known yet"
        with pytest.raises(CniError) as caught:
            node.sandboxes.status()
        assert (caught.value.code, caught.value.message) == (50, node.not_ready)

    async def test_a_full_disk_is_told(self, node: Node) -> None:
        with Disk(0, 0.3, errno.ENOSPC).between():
            await refused(node.add("c1"))
        with pytest.raises(CniError, match="No space left on device"):
            node.sandboxes.status()

    async def test_an_exhausted_pool_is_available(self, node: Node) -> None:
        node.addresses.enis_changed([])
        node.sandboxes.status()


class TestAudit:
    """What the audit found lost is released, unless it has changed since."""

    async def test_a_sandbox_that_is_lost_is_released(self, node: Node) -> None:
        await node.add("c1", NEW)
        await node.sandboxes.forget(next(iter(node.journal.allocations.by_key.values())))
        assert node.held == {}

    async def test_one_that_was_added_again_since_is_not(self, node: Node) -> None:
        await node.add("c1")
        lost = next(iter(node.journal.allocations.by_key.values()))
        await node.delete("c1")
        await node.add("c1")
        await node.sandboxes.forget(lost)
        assert node.held == {"c1": "10.0.0.2"}
