"""The README says what is true: its examples mean what it says they do."""

import re
from pathlib import Path

import msgspec
import yaml

from addons.iamproxy import names
from addons.iamproxy.config import Config
from addons.iamproxy.controller.explain import explain
from addons.iamproxy.desired.grants import Rules, verdict_of
from addons.iamproxy.desired.policy import Allowed, check_policy, parse_policy
from addons.iamproxy.model.objects import Namespace, Pod
from addons.iamproxy.model.verdicts import Grant, Refusal
from addons.runtime.objects import ObjectMeta

README = (Path(__file__).parents[3] / "addons" / "iamproxy" / "README.md").read_text()
BLOCKS: list[str] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
POLICY = parse_policy(BLOCKS[0].encode())
NAMESPACE = msgspec.convert(yaml.safe_load(BLOCKS[1]), Namespace)
WEB = msgspec.convert(yaml.safe_load(BLOCKS[2]), Pod)
BASE = "arn:aws:iam::123456789012:role/"
RULES = Rules(Config(base_role_arn=BASE), BASE)


def test_the_policy_permits_what_it_says() -> None:
    loader = check_policy(
        BASE + "data-1",
        POLICY,
        namespace="any",
        labels={"team": "data"},
        service_account="loader",
        base=BASE,
    )
    assert loader == Allowed("rule data team of the policy has data-*")


def test_the_pod_gets_its_role() -> None:
    found = verdict_of(WEB, NAMESPACE, RULES)
    assert isinstance(found, Grant)
    assert (found.role_name, found.key.session_name) == ("web-frontend", "prod.web")


class TestExplanations:
    def test_a_grant_is_explained_by_its_rule(self) -> None:
        verdict, text = explain(WEB, NAMESPACE, RULES)
        assert isinstance(verdict, Grant)
        assert "granted: arn:aws:iam::123456789012:role/web-frontend" in text
        assert "because: iam.amazonaws.com/allowed-roles of the namespace has web-*" in text

    def test_what_is_badly_written_is_named(self) -> None:
        annotations = {names.ALLOWED_ROLES: '["web(", "web-frontend"]', names.IMDSV2: "yes"}
        namespace = Namespace(metadata=ObjectMeta(name="prod", annotations=annotations))
        rules = Rules(Config(base_role_arn=BASE, namespace_restriction_format="regexp"), BASE)
        verdict, text = explain(WEB, namespace, rules)
        assert isinstance(verdict, Grant)
        assert "'web(': missing ): web( (InvalidAllowedRoles)" in text
        assert "'yes' counts as required: optional or required (InvalidImdsv2)" in text
        assert f"session token    required by {names.IMDSV2}" in text

    def test_a_refusal_is_explained_by_its_reason(self) -> None:
        verdict, text = explain(WEB, Namespace(metadata=ObjectMeta(name="prod")), RULES)
        assert isinstance(verdict, Refusal)
        assert "namespace        iam.amazonaws.com/allowed-roles: none" in text
        assert "reason:  RoleNotAllowed, answered with status 403" in text
