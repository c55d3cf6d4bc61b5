"""What the original made is taken over as it is: nothing is changed until somebody wants something else."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_lives import Life
from tests.support.alb_recorded import RecordedWorld
from tests.support.aws_thread import simulated_aws
from tests.support.original import NAMES, original
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def recorded(tmp_path: Path, situation: str) -> AsyncIterator[RecordedWorld]:
    async with KubeApi() as api, simulated_aws() as aws:
        yield RecordedWorld(api, aws, tmp_path, original(situation))


@pytest.mark.parametrize("situation", NAMES)
class TestTakingOver:
    """The first life of ours after the last one of the original."""

    async def test_nothing_is_changed_in_aws_or_kubernetes(self, recorded: RecordedWorld) -> None:
        life = Life()
        async with recorded.running(life=life) as controller:
            await until(lambda: controller.last_pass() or not recorded.original.of_kind("Ingress"))
            await recorded.settles(60)
            assert life.changes == []
            assert controller.failures == {}
        assert recorded.account() == recorded.recorded_account()

    async def test_nobody_is_warned(self, recorded: RecordedWorld) -> None:
        async with recorded.running():
            await recorded.settles(60)
            names = [each["metadata"]["name"] for each in recorded.original.objects]
            assert {name: notes for name in names if (notes := recorded.notes(name))} == {}


Change = Callable[[RecordedWorld], None]


def _asks(name: str, **annotations: str) -> Change:
    return lambda recorded: recorded.annotate(name, **annotations)


def _path(path: str, service: str) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {"path": path, "pathType": "Prefix", "backend": backend}


_WEIGHTED = """{"type": "forward", "forwardConfig": {"targetGroups": [
{"serviceName": "blue", "servicePort": 80, "weight": 50},
{"serviceName": "green", "servicePort": "http", "weight": 50}],
"targetGroupStickinessConfig": {"enabled": true, "durationSeconds": 200}}}"""

CHANGES: dict[str, tuple[Change, set[str]]] = {
    "a health check": (_asks("front", healthcheck_path="/other"), {"ModifyTargetGroup"}),
    "an attribute of the load balancer": (
        _asks("front", load_balancer_attributes="idle_timeout.timeout_seconds=60"),
        {"ModifyLoadBalancerAttributes"},
    ),
    "an attribute of a target group": (
        _asks(
            "front",
            target_group_attributes="deregistration_delay.timeout_seconds=60,stickiness.enabled=true",
        ),
        {"ModifyTargetGroupAttributes"},
    ),
    "the policy of TLS": (_asks("front", ssl_policy="ELBSecurityPolicy-2016-08"), {"ModifyListener"}),
    "who may reach it": (
        _asks("front", inbound_cidrs="198.51.100.0/24"),
        {"RevokeSecurityGroupIngress"},
    ),
    "weights": (_asks("extra", actions__weighted=_WEIGHTED), {"ModifyRule"}),
    "tags": (_asks("front", tags="team=core,cost=12"), {"AddTags", "CreateTags"}),
    "one more path at the end": (lambda recorded: recorded.ask("api", _path("/m", "api")), {"CreateRule"}),
}
"""What is asked for otherwise, and by which calls AWS has it then."""


@pytest.mark.parametrize("situation", ["group"])
class TestChanging:
    """What was taken over is changed in place, and given back as it was."""

    @pytest.mark.parametrize("what", CHANGES)
    async def test_there_and_back(self, recorded: RecordedWorld, what: str) -> None:
        change, calls = CHANGES[what]
        async with recorded.running() as controller:
            await until(controller.last_pass)
            await recorded.settles(20)
            change(recorded)
            await until(lambda: recorded.changes())
            await recorded.settles(60)
            assert set(recorded.changes()) == calls
            assert recorded.account() != recorded.recorded_account()
            assert recorded.marked() == []
            for name in ("front", "api", "extra"):
                recorded.as_recorded(name)
            await until(lambda: recorded.account() == recorded.recorded_account())
            await recorded.settles(60)
        assert recorded.account() == recorded.recorded_account()

    async def test_a_secret(self, recorded: RecordedWorld) -> None:
        async with recorded.running() as controller:
            await until(controller.last_pass)
            await recorded.settles(20)
            recorded.tell_secret("other")
            await until(lambda: recorded.changes())
            await recorded.settles(20)
            assert recorded.changes() == ["ModifyRule"] * 2
            recorded.tell_secret("very secret")
            await until(lambda: recorded.account() == recorded.recorded_account())
            await recorded.settles(60)
            assert recorded.changes() == ["ModifyRule"] * 4
        assert recorded.account() == recorded.recorded_account()

    async def test_one_member_goes_and_nothing_else_is_touched(self, recorded: RecordedWorld) -> None:
        async with recorded.running() as controller:
            await until(controller.last_pass)
            recorded.delete_ingress("extra")
            await until(lambda: recorded.ingress("extra", "shop") is None, seconds=120)
            await recorded.settles(60)
            assert sorted(recorded.changes()) == ["DeleteRule"] * 3 + ["DeleteTargetGroup"] * 2
            assert recorded.marked() == []

    async def test_all_go_and_nothing_is_left(self, recorded: RecordedWorld) -> None:
        async with recorded.running() as controller:
            await until(controller.last_pass)
            recorded.delete_ingress("extra", "front", "api")
            await until(lambda: recorded.ingress("api", "shop") is None, seconds=300)
            await recorded.settles(60)
        assert recorded.things() == []
