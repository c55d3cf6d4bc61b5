"""The controller against an API server and a strict STS: verdicts, credentials, and what is told."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from addons.iamproxy import names
from addons.iamproxy.model.credentials import Credentials, Denial
from addons.iamproxy.model.verdicts import Grant
from addons.runtime.settings import SettingError
from addons.sim.aws.sts.state import Asked, trust_of_account
from addons.sim.kubeapi.faults import Fault
from tests.support.iamproxy_world import BASE, World, addresses, holder, key_of, pod
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

ACCOUNT = "123456789012"


class TestCredentials:
    async def test_they_are_there_before_the_pod_has_an_address(self, world: World) -> None:
        world.aws.sts.create_role("web")
        created = world.create(pod("a", role="web"))
        async with world.running() as controller:
            await until(lambda: bool(controller.credentials.held()))
            world.update(created, phase="Running", **addresses("10.0.0.1"))
            found = controller.credentials.find(await key_of(controller, "10.0.0.1"))
            assert found is not None
            assert world.aws.sts.sessions[found.access_key_id].name == "prod.runner"

    async def test_two_external_ids_of_one_role_are_two_sessions(self, world: World) -> None:
        """kube2iam gives the second pod what the first one's external id has opened."""
        world.aws.sts.create_role("web", trust_of_account(ACCOUNT, external_id="right"))
        for name, ip, said in (("a", "10.0.0.1", "right"), ("b", "10.0.0.2", "wrong")):
            world.create(pod(name, ip, role="web", annotations={names.EXTERNAL_ID: said}))
        async with world.running() as controller:
            right, wrong = [await key_of(controller, ip) for ip in ("10.0.0.1", "10.0.0.2")]
            assert isinstance(await controller.credentials.get(right, 5), Credentials)
            assert isinstance(await controller.credentials.get(wrong, 5), Denial)
            assert world.aws.sts.asked == {
                Asked(BASE + "web", "prod.runner", "right"): 1,
                Asked(BASE + "web", "prod.runner", "wrong"): 1,
            }

    async def test_tags_are_sent_where_they_are_wanted(self, world: World) -> None:
        world.aws.sts.create_role("web", trust_of_account(ACCOUNT, tags=True))
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running("--session-tags") as controller:
            found = await controller.credentials.get(await key_of(controller, "10.0.0.1"), 5)
            assert isinstance(found, Credentials)
            assert world.aws.sts.sessions[found.access_key_id].tags == {
                "kubernetes-namespace": "prod",
                "kubernetes-service-account": "runner",
            }

    async def test_a_role_may_be_assumed_by_way_of_another(self, world: World) -> None:
        world.aws.sts.create_role("broker")
        broker = {
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": BASE + "broker"}}
            ]
        }
        world.aws.sts.create_role("web", broker)
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running(f"--assume-role-arn={BASE}broker") as controller:
            assert isinstance(
                await controller.credentials.get(await key_of(controller, "10.0.0.1"), 5), Credentials
            )

    async def test_without_a_base_it_is_found_by_whose_credentials_ours_are(self, world: World) -> None:
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running("--base-role-arn=", "--auto-discover-base-arn") as controller:
            await until(lambda: controller.state()["baseRoleArn"] == BASE)
            # Until the round after that, the pod is refused with BaseArnUnknown.
            await until(lambda: isinstance(controller.addresses.find("10.0.0.1"), Grant))
            assert (await key_of(controller, "10.0.0.1")).role_arn == BASE + "web"


class TestReports:
    async def test_a_pod_is_told_why_it_gets_nothing(self, world: World) -> None:
        world.namespace("closed")
        world.create(pod("a", "10.0.0.1", role="web", namespace="closed"))
        world.create(pod("b", "10.0.0.2"))
        async with world.running() as controller:
            assert await holder(controller, "10.0.0.1", 5) == names.ROLE_NOT_ALLOWED
            assert await holder(controller, "10.0.0.2", 5) == names.NO_ROLE
            await until(lambda: world.events() == {("a", names.ROLE_NOT_ALLOWED)})
            (told,) = world.decisions.newest("pod/closed/a")
            assert told.reason == names.ROLE_NOT_ALLOWED

    async def test_a_pod_is_told_that_sts_denies_its_role(self, world: World) -> None:
        world.create(pod("a", "10.0.0.1", role="nobody"))
        async with world.running() as controller:
            found = await controller.credentials.get(await key_of(controller, "10.0.0.1"), 5)
            assert isinstance(found, Denial)
            await until(lambda: world.events() == {("a", names.CREDENTIALS_DENIED)})
            assert world.calls == 1

    async def test_a_pod_of_the_hosts_network_is_told_when_it_asked_for_a_role(self, world: World) -> None:
        for name, role in (("a", "web"), ("b", "")):
            created = pod(name, "10.9.9.9", role=role)
            created["spec"]["hostNetwork"] = True
            world.create(created)
        async with world.running() as controller:
            assert await holder(controller, "10.9.9.9", 5) == names.HOST_NETWORK
            await until(lambda: world.events() == {("a", names.HOST_NETWORK_ROLE)})

    async def test_pods_that_the_redirect_cannot_stop_are_named(self, world: World) -> None:
        for name, is_host in (("a", True), ("b", True), ("c", False)):
            created = pod(name, "10.9.9.9" if is_host else "10.0.0.1")
            created["spec"]["hostNetwork"] = is_host
            world.create(created)
        async with world.running(uncovered=lambda: "they reach the node's metadata: no cgroup v2") as made:
            told = names.HOST_NETWORK_UNCOVERED
            await until(lambda: told in {each.reason for each in world.decisions.newest()})
            (message,) = [each.message for each in world.decisions.newest() if each.reason == told]
            assert message == "they reach the node's metadata: no cgroup v2: prod/a, prod/b"
            assert made.state()["notStoppedByTheRedirect"] == {
                "because": "they reach the node's metadata: no cgroup v2",
                "pods": ["prod/a", "prod/b"],
            }
            assert REGISTRY.get_sample_value("addons_iamproxy_uncovered_pods") == 2

    async def test_nothing_is_said_where_it_stops_all(self, world: World) -> None:
        created = pod("a", "10.9.9.9")
        created["spec"]["hostNetwork"] = True
        world.create(created)
        async with world.running() as controller:
            assert await holder(controller, "10.9.9.9", 5) == names.HOST_NETWORK
            assert names.HOST_NETWORK_UNCOVERED not in {each.reason for each in world.decisions.newest()}
            assert controller.state()["notStoppedByTheRedirect"] == {}
            assert REGISTRY.get_sample_value("addons_iamproxy_uncovered_pods") == 0

    async def test_a_namespace_is_told_of_its_faulty_list(self, world: World) -> None:
        world.namespace("odd", "web", "(")
        world.create(pod("a", "10.0.0.1", role="web", namespace="odd"))
        async with world.running("--namespace-restriction-format=regexp") as controller:
            assert await holder(controller, "10.0.0.1", 5) == "a"
            await until(lambda: ("odd", names.INVALID_ALLOWED_ROLES) in world.events())

    async def test_an_sts_that_is_away_is_told_and_makes_nobody_unready(self, world: World) -> None:
        world.aws.faults.add(operation="AssumeRole", code="ServiceUnavailable", status=503, times=None)
        for number in range(6):
            world.create(pod(f"a-{number}", f"10.0.0.{number}", role=f"web-{number}"))
        async with world.running() as controller:
            await until(lambda: controller.state()["sts"] == "away")
            assert REGISTRY.get_sample_value("addons_iamproxy_sts_away") == 1
            assert controller.not_ready() == ""
            await until(lambda: ("a-0", names.CREDENTIALS_FAILED) in world.events())

    async def test_a_right_that_keeps_everybody_without_credentials_is_told_at_the_first_failure(
        self, world: World
    ) -> None:
        """Here the right to assume the role by way of which all others are assumed."""
        world.aws.sts.create_role("web")
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running(f"--assume-role-arn={BASE}broker") as made:
            await until(lambda: list(made.faults()))
            (fault,) = made.faults()
            assert (fault.about, fault.reason) == ("STS", "Unavailable")
            assert f"on resource: {BASE}broker" in fault.message
            assert not made.credentials.is_away
            world.aws.sts.create_role("broker")
            await until(lambda: not list(made.faults()), seconds=60)
            assert (await made.credentials.get(await key_of(made, "10.0.0.1"), 5)) is not None

    async def test_a_question_about_a_pod_that_is_not_on_the_node_is_answered_so(self, world: World) -> None:
        world.create(pod("a", "10.0.0.1"))
        world.create(pod("elsewhere", "10.0.9.1", role="web", node="node-2"))
        async with world.running() as made:
            await until(lambda: list(made.decisions_on("pod/prod/a")))
            reasons = {
                about: [decision.reason for decision in made.decisions_on(about)]
                for about in ("pod/prod/a", "pod/prod/aa", "pod/prod/elsewhere", "service/prod/a")
            }
        assert reasons == {
            "pod/prod/a": [names.NO_ROLE],
            "pod/prod/aa": [names.POD_NOT_HERE],
            "pod/prod/elsewhere": [names.POD_NOT_HERE],
            "service/prod/a": [],
        }

    async def test_the_page_shows_pod_role_and_rule_and_no_secret(self, world: World) -> None:
        world.aws.sts.create_role("web")
        world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running() as controller:
            found = await controller.credentials.get(await key_of(controller, "10.0.0.1"), 5)
            assert isinstance(found, Credentials)
            state = controller.state()
            pods: Any = state["pods"]
            (row,) = pods
            assert (row["pod"], row["role"], row["addresses"]) == ("prod/a", BASE + "web", "10.0.0.1")
            assert row["because"] == "iam.amazonaws.com/allowed-roles of the namespace has *"
            assert found.secret_access_key not in str(state)
            assert found.token not in str(state)

    async def test_the_page_shows_why_a_pod_has_nothing(self, world: World) -> None:
        world.create(pod("denied", "10.0.0.1", role="nobody"))
        world.create(pod("refused", "10.0.0.2", role="arn:aws:iam::222222222222:role/shared"))
        for name in ("twin-a", "twin-b"):
            world.create(pod(name, "10.0.0.3"))
        async with world.running() as controller:
            assert isinstance(
                await controller.credentials.get(await key_of(controller, "10.0.0.1"), 5), Denial
            )
            state: Any = controller.state()
            denied, refused, *_ = state["pods"]
            assert "not authorized to perform: sts:AssumeRole" in denied["credentials"]
            assert (refused["role"], refused["verdict"]) == (
                "arn:aws:iam::222222222222:role/shared",
                names.ACCOUNT_NOT_ALLOWED,
            )
            (problem,) = state["problems"]
            assert (problem["object"], problem["reason"]) == ("10.0.0.3", names.AMBIGUOUS_ADDRESS)
            assert "prod/twin-a" in problem["message"]


def is_told_unreadable(world: World, times: int) -> bool:
    reasons = [each.reason for each in world.decisions.newest()]
    return reasons.count(names.POLICY_UNREADABLE) == times


class TestPolicy:
    def write(self, path: Path, *roles: str) -> None:
        path.write_text(f"rules: [{{name: web, serviceAccounts: [runner], roles: [{', '.join(roles)}]}}]")

    async def test_a_changed_file_counts_and_a_broken_one_does_not(self, world: World) -> None:
        path = world.folder / "policy.yaml"
        self.write(path, "db")
        created = world.create(pod("a", "10.0.0.1", role="web"))
        async with world.running(f"--policy-file={path}") as controller:
            assert await holder(controller, "10.0.0.1", 5) == names.POLICY_DENIES
            self.write(path, "web")
            world.update(created, phase="Running", hostIP="10.9.9.9")
            await until(lambda: controller.state()["pods"][0]["verdict"] == "granted")  # type: ignore[index]
            for number, half_written in enumerate(("rules: [", "")):
                path.write_text(half_written)
                world.update(created, phase="Running", hostIP=f"10.9.8.{number}")
                await until(partial(is_told_unreadable, world, number + 1))
            assert await holder(controller, "10.0.0.1") == "a"

    async def test_a_broken_file_at_the_start_is_a_bad_setting(self, world: World) -> None:
        path = world.folder / "policy.yaml"
        for text, complaint in (
            ("rules: [", "line 2"),
            ("", "it is empty"),
            (None, "cannot be read: No such"),
        ):
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
            with pytest.raises(SettingError, match=f"--policy-file .*: .*{complaint}"):
                async with world.controller(f"--policy-file={path}"):
                    pass


class TestSinglePass:
    async def test_what_must_not_be_read_is_a_failure(self, world: World) -> None:
        world.api.faults.add(Fault(resource="pods", status=403))
        async with world.controller() as controller:
            failures = await controller.run_once(asyncio.Event())
        assert failures.keys() == {"pods"}

    async def test_everything_is_fetched_and_failures_are_named(self, world: World) -> None:
        world.aws.sts.create_role("web")
        world.create(pod("a", "10.0.0.1", role="web"))
        world.create(pod("b", "10.0.0.2", role="nobody"))
        async with world.controller() as controller:
            failures = await controller.run_once(asyncio.Event())
            assert list(failures) == [f"{BASE}nobody as prod.runner"]
            assert [key.role_arn for key in controller.credentials.held()] == [BASE + "web"]


class TestSuccessor:
    """Who takes our place is a pod of our own DaemonSet that is on the node, and does not end itself."""

    def daemon(self, world: World, name: str, *, owner: str = "ours", **where: Any) -> dict[str, Any]:
        obj = pod(name, namespace="prod", **where)
        reference = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": owner, "uid": f"uid-of-{owner}"}
        obj["metadata"]["ownerReferences"] = [{**reference, "controller": True}]
        return world.create(obj)

    async def test_it_is_known_from_when_it_is_made_until_it_ends(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POD_NAME", "us")
        monkeypatch.setenv("POD_NAMESPACE", "prod")
        self.daemon(world, "us")
        async with world.running() as controller:
            self.daemon(world, "other", owner="theirs")
            self.daemon(world, "elsewhere", node="node-2")
            world.create(pod("nobody-s"))
            await until(lambda: controller.pods.get("prod", "nobody-s"))
            assert not controller.is_followed()
            new = self.daemon(world, "new")
            await until(controller.is_followed)
            world.delete(new, grace_seconds=30)
            await until(lambda: not controller.is_followed())

    async def test_outside_of_a_pod_there_is_none(self, world: World) -> None:
        self.daemon(world, "us")
        self.daemon(world, "new")
        async with world.running() as controller:
            await until(lambda: controller.pods.get("prod", "new"))
            assert not controller.is_followed()
