"""What kube2iam was seen to get wrong, from inside of pods; its answers to paths: `test_iamproxy_daemon`."""

import asyncio

from addons.iamproxy import names
from addons.sim.aws.sts.state import ACCOUNT, trust_of_account
from addons.sim.kubeapi.faults import Fault
from addons.sim.net import METADATA, METADATA_V6, NODE
from tests.support.iamproxy_cluster import Cluster, session_of
from tests.support.iamproxy_world import pod
from tests.support.metadata import ROLES, Client


class TestFirstStart:
    """kube2iam redirects late, when it has read the pods; until then each sees the node's role."""

    async def test_pods_do_not_see_the_node_however_long_the_daemon_cannot_serve(
        self, cluster: Cluster
    ) -> None:
        network, made = cluster.network, cluster.network.fabric.add_pod("prod/app")
        assert network.sees_the_node(await network.ask(made.inside)), "the control"
        cluster.world.api.faults.add(Fault(status=503))
        async with cluster.daemon.starting() as process, asyncio.timeout(30):
            while network.sees_the_node(await network.ask(made.inside)):
                pass
            answer = ""
            while names.POD_UNKNOWN not in answer:
                for address in (METADATA, METADATA_V6):
                    answer = await network.ask(made.inside, address, path=ROLES)
                    assert not network.sees_the_node(answer)
            assert not await cluster.daemon.is_ready()
            assert process.returncode is None


class TestTokens:
    """kube2iam hands pods the node's own metadata token, and looks at none itself."""

    async def test_they_are_the_daemon_s_own_and_each_is_good_for_one_pod(self, cluster: Cluster) -> None:
        reader, writer = cluster.start_pod("reader", "reader"), cluster.start_pod("writer", "writer")
        places = (reader.inside, writer.inside, cluster.network.fabric.node)
        async with cluster.daemon.running():
            ours, neighbour, node = (Client(80, address=METADATA, inside=place) for place in places)
            async with ours, neighbour, node:
                tokens = [await web.token() for web in (ours, neighbour, node)]
                statuses = [(await ours.get(ROLES, token=token)).status for token in (*tokens, "forged")]
                assert statuses == [200, 401, 401, 401]
                assert (await node.get("/latest/user-data", token=tokens[0])).status == 401
        assert {request.peer for request in cluster.network.imds.requests} == {NODE}


class TestExternalIds:
    """kube2iam keeps credentials by role alone: a wrong external id gets what the right one has opened."""

    async def test_only_who_has_the_right_one_gets_the_role(self, cluster: Cluster) -> None:
        cluster.world.aws.sts.create_role("web", trust_of_account(ACCOUNT, external_id="right"))
        found: list[str | None] = []
        async with cluster.daemon.running():
            for said in ("right", "wrong", "right"):
                made = cluster.network.fabric.add_pod(f"prod/{said}-{len(found)}")
                annotations = {names.EXTERNAL_ID: said}
                name = f"{said}-{len(found)}"
                cluster.world.create(pod(name, made.address, role="web", annotations=annotations))
                found.append((await cluster.credentials(made.inside))["arn"])
        assert found == [session_of("web"), "", session_of("web")]
        assert cluster.world.aws.sts.calls["AssumeRole"] == 2
