"""The manual says what is true: its examples become what it says of them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.alb_targets import service
from tests.support.alb_world import World
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

README = (Path(__file__).parents[3] / "addons" / "albingress" / "README.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    document
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    for document in yaml.safe_load_all(block)
]
SHOP, API, CANARY = EXAMPLES


async def test_two_ingresses_share_a_load_balancer_with_https(world: World) -> None:
    for host in ("shop.example.com", "api.example.com"):
        world.aws.acm.issue(host)
    world.serve("shop", "api")
    async with world.running():
        world.ingresses(SHOP, API)
        await world.is_served("shop", "api")
        await until(lambda: len(world.rules(443)) == 2)
        assert world.rules(443) == {
            "api.example.com /v1|/v1/*": "api:http",
            "shop.example.com /*": "shop:80",
        }
        assert world.rules(80) == {}
        assert world.hostname("shop") == world.hostname("api")
        (balancer,) = world.elb.load_balancers.values()
        assert balancer.scheme == "internet-facing"
        assert (world.notes("shop"), world.notes("api")) == ([], [])


async def test_a_tenth_of_the_requests_goes_to_the_new_version(world: World) -> None:
    world.create(service("web"), service("web-next"))
    async with world.running():
        world.ingresses(CANARY)
        await world.is_served("canary")
        assert list(world.rules().values()) == ["web:80+web-next:80"]
        (rule,) = [each for each in world.elb.rules.values() if not each.is_default]
        (action,) = rule.actions
        weights = [each["Weight"] for each in action["ForwardConfig"]["TargetGroups"]]
    assert weights == [90, 10]


def test_it_is_a_man_page() -> None:
    assert re.findall(r"^## (.*)$", README, re.MULTILINE) == [
        "Name",
        "Description",
        "Install",
        "Settings",
        "Annotations",
        "AWS permissions",
        "Metrics",
        "Limits",
        "Examples",
        "Bugs",
    ]
