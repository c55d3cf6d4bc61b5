"""Settings: what the original's users write is taken, or refused with what there is in its place."""

import re
from pathlib import Path

import msgspec
import pytest

from addons.albingress.config import ENV_PREFIXES, RETIRED, Config
from addons.runtime.settings import SettingError, load

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "migrating-from-aws-load-balancer-controller.md").read_text()
FLAGS = {f"--{field.name.replace('_', '-')}" for field in msgspec.structs.fields(Config)}


def settings(*flags: str) -> Config:
    return load(Config, ["--cluster-name=prod", *flags], {}, env_prefixes=ENV_PREFIXES)


def test_every_flag_of_the_original_that_the_guide_names_is_taken_or_refused_with_a_sentence() -> None:
    _, _, table = GUIDE.partition("\n## Flags\n")
    rows = re.findall(r"^\| (`--.*?) \|", table.partition("\n## ")[0], re.MULTILINE)
    named = {flag for row in rows for flag in re.findall(r"--[a-z0-9-]+[a-z0-9]", row)}
    assert len(named) > 25
    assert {
        flag for flag in named if not any(each.startswith(flag) for each in FLAGS | RETIRED.keys())
    } == set()


def test_the_guide_takes_the_webhooks_away_before_nobody_answers_them() -> None:
    """The API server would refuse new Services, and new pods of namespaces with readiness gates."""
    webhooks = GUIDE.index("kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration")
    assert webhooks < GUIDE.index("scale deployment aws-load-balancer-controller --replicas=0")


def test_the_guide_leaves_the_finalizers_to_the_original() -> None:
    upgrade, uninstall = GUIDE.index("uninstall.release=false"), GUIDE.index("helm uninstall albingress")
    assert upgrade < uninstall


def test_no_flag_is_taken_and_refused() -> None:
    assert FLAGS.isdisjoint(RETIRED)


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        ("--backend-security-group=sg-1 --no-enable-backend-security-group", "it would serve nobody"),
        ("--backend-security-group=group", "the id of a security group"),
        ("--mass-delete=101", "--mass-delete"),
        ("--default-target-type=pod", "instance or ip|instance, ip"),
        ("--aws-vpc-id=my-vpc", "the id of a VPC"),
    ],
)
def test_what_makes_no_sense_is_refused(flag: str, why: str) -> None:
    with pytest.raises(SettingError, match=why):
        settings(*flag.split())


def test_lists_and_maps_are_read_as_the_original_has_them() -> None:
    found = settings("--default-tags=team=web,env=prod", "--external-managed-tags=cost,owner")
    assert (found.default_tags, found.external_managed_tags) == (
        {"team": "web", "env": "prod"},
        ("cost", "owner"),
    )
