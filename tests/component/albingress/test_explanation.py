"""Whoever asks about one object learns what holds of it now, the reason first, each fact with its own key."""

import asyncio
from typing import Any

import pytest

from addons.albingress.controller.controller import Controller
from tests.support.alb_world import NETWORKING, World, ingress, ingress_class
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


def told(controller: Controller, about: str) -> dict[str, str]:
    """Reasons and messages by key."""
    found = list(controller.decisions_on(about))
    assert len({one.key for one in found}) == len(found)
    return {one.key: f"{one.reason}: {one.message}" for one in found}


async def test_an_ingress_is_told_by_its_rules(world: World) -> None:
    world.serve("web")
    async with world.running() as controller:
        world.ingresses(ingress("web", "/", "/api=web", host="www.example.com"))
        await world.is_served("web")
        await world.settles()
        found = told(controller, "ingress/default/web")
    name = world.hostname("web")
    (group,) = world.elb.target_groups.values()
    assert found["shop"] == f"Served: it is of the group shop: served by {name}"
    (root,) = [text for key, text in found.items() if "path /*" in key]
    assert root.startswith("Served: HTTP:80, host www.example.com, path /*: rule of priority ")
    assert root.endswith(f"{group.name}: 1 targets: 192.168.0.11:8080")
    assert len(found) == 3


async def test_what_is_broken_comes_first_with_its_reason(world: World) -> None:
    world.serve("web")
    async with world.running() as controller:
        world.ingresses(ingress("web", "/", "/api=gone"))
        await world.is_served("web")
        found = list(controller.decisions_on("ingress/default/web"))
    assert found[0].reason == "BrokenBackend"
    assert "service default/gone" in found[0].message
    (rule,) = [one for one in found if "/api" in one.key]
    assert rule.reason == "BrokenRule"
    assert "answers 503" in rule.message


async def test_a_service_is_told_by_its_target_groups(world: World) -> None:
    world.serve("web", "idle")
    async with world.running() as controller:
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
        (served,) = told(controller, "service/default/web").values()
        (idle,) = told(controller, "service/default/idle").values()
    assert served.startswith("Served: target group k8s-default-web-")
    assert served.endswith(": 1 targets: 192.168.0.11:8080")
    assert idle == "NotAsked: no Ingress of ours leads to it"


async def test_how_aws_finds_the_targets_is_told_once_it_was_asked(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        await world.settles()
    async with world.running() as controller:
        await until(lambda: " s ago" in str(told(controller, "service/default/web")))
        (text,) = told(controller, "service/default/web").values()
    assert "1 targets: 192.168.0.11:8080; 1 " in text


async def test_a_misspelt_name_is_told_with_the_one_that_is_meant(world: World) -> None:
    world.serve("web")
    async with world.running() as controller:
        world.ingresses(ingress("website"))
        await world.is_served("website")
        assert told(controller, "ingress/default/webs1te") == {
            "ingress/default/webs1te": "UnknownObject: there is none of this name; did you mean website?"
        }


async def test_an_ingress_of_another_controller_is_said_to_be_none_of_ours(world: World) -> None:
    other = ingress_class("other", controller="example.com/other")
    world.create(other, kind="ingressclasses", version=NETWORKING)
    world.ingresses(ingress("web", in_class="other"))
    async with world.running() as controller:
        (text,) = told(controller, "ingress/default/web").values()
        assert text.startswith("Waiting: the objects are not read yet: ")
        await until(lambda: controller.watches.is_settled)
        (text,) = told(controller, "ingress/default/web").values()
    assert text.startswith("NotAsked: it is not ours: ")
    assert "other" in text


async def test_kinds_that_have_no_rules_are_answered_with_nothing(world: World) -> None:
    async with world.running() as controller:
        assert told(controller, "pod/default/web") == {}


async def test_a_target_group_binding_is_told_by_its_targets(world: World) -> None:
    world.serve("web")
    async with world.running() as controller:
        wanted: dict[str, Any] = {"Name": "mine", "Protocol": "HTTP", "Port": 80, "TargetType": "ip"}
        permit = controller.permit(asyncio.Event())
        await until(lambda: not controller.not_ready())
        await world.parts.aws.call(
            "elbv2", "create_target_group", permit=permit, VpcId=world.vpc_id, **wanted
        )
        spec = {"targetGroupName": "mine", "serviceRef": {"name": "web", "port": 80}}
        obj = {"metadata": {"name": "own", "namespace": "default"}, "spec": spec}
        world.create(obj, kind="targetgroupbindings", version="elbv2.k8s.aws/v1beta1")
        about = "targetgroupbinding/default/own"
        await until(lambda: "1 targets" in str(told(controller, about)))
        (text,) = told(controller, about).values()
    assert text == "Served: target group mine: 1 targets: 192.168.0.11:8080"


class TestState:
    """What the page shows: group, listener, rule, target group, health."""

    async def test_broken_and_held_rules_are_marked(self, world: World) -> None:
        world.serve("web", "kept")
        async with world.running() as controller:
            world.ingresses(ingress("web", "/", "/api=gone"), ingress("kept"))
            await world.is_served("web", "kept")
            world.ingresses(ingress("kept", conditions__kept="["))
            await until(lambda: "BrokenRule" in world.events("kept"))
            await world.settles()
            shown = controller.state()
        rows = shown["rules of shop"]
        assert isinstance(rows, list)
        found = {row["rule"]: row["state"].partition(":")[0] for row in rows}
        assert found == {
            "path /kept or /kept/*": "HELD as it is",
            "path /api or /api/*": "BROKEN",
            "path /*": "ok",
            "all else": "ok",
        }
        assert {each["object"]: each["reason"] for each in shown["problems"]} == {  # type: ignore[attr-defined]
            "ingress/default/web": "BrokenBackend",
            "ingress/default/kept": "BrokenRule",
        }
