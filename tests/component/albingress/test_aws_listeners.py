"""Every action on listeners and rules: what AWS has afterwards, and what is remembered."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AddListenerCertificates,
    CreateListener,
    CreateRule,
    DeleteListener,
    DeleteRule,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyRule,
    RemoveListenerCertificates,
    SetRulePriorities,
)
from addons.albingress.model.rules import AuthenticateOidc, FixedResponse, RuleContent, Transform
from addons.albingress.model.stack import DesiredListener
from addons.albingress.names import TAG_RULE, TAG_SPEC
from addons.runtime.outcomes import Outcome
from tests.support.alb_aws import OWNER, SHOP, AlbDaemon, AlbSite, alb_site, pairs, tags
from tests.support.alb_seen import COMMON, balancer, listener, rules

pytestmark = pytest.mark.virtual_time

OIDC = AuthenticateOidc("https://i", "https://a", "https://t", "https://u", "me")


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        yield running


@pytest.fixture
async def daemon(site: AlbSite) -> AsyncIterator[AlbDaemon]:
    """A daemon with a group that is there."""
    async with site.daemon() as running:
        await running.settle(site.wish())
        yield running


def https(site: AlbSite, *certificates: str, **more: Any) -> DesiredListener:
    usual = DesiredListener(
        port=443,
        protocol="HTTPS",
        owner=OWNER,
        default_actions=(FixedResponse("404"),),
        certificates=certificates,
        ssl_policy="ELBSecurityPolicy-2016-08",
        tags=tags(SHOP, "443"),
    )
    return replace(usual, **more)


class TestListeners:
    async def test_one_with_certificates_and_attributes(self, site: AlbSite, daemon: AlbDaemon) -> None:
        first, second = (site.endpoint.acm.issue(f"{name}.example").arn for name in "ab")
        wanted = https(
            site,
            first,
            second,
            attributes=pairs(routing__http__response__server__enabled="false"),
            tags=tags(SHOP, "443", **{TAG_SPEC: "of-attributes"}),
        )
        await daemon.do(CreateListener(load_balancer="k8s-shop", listener=wanted, **COMMON))
        made = await listener(daemon, 443)
        assert made.certificates == (first, second)
        assert dict(made.tags)[TAG_SPEC] == "of-attributes"
        attributes = pairs(routing__http__response__server__enabled="true")
        await daemon.do(ModifyListenerAttributes(listener="k8s-shop:443", attributes=attributes, **COMMON))
        assert dict(attributes).items() <= dict((await listener(daemon, 443)).attributes or ()).items()

    async def test_certificates_come_and_go(self, site: AlbSite, daemon: AlbDaemon) -> None:
        default, one, two = (site.endpoint.acm.issue(f"{name}.example").arn for name in "abc")
        await daemon.do(CreateListener(load_balancer="k8s-shop", listener=https(site, default), **COMMON))
        await daemon.do(AddListenerCertificates(listener="k8s-shop:443", certificates=(one, two), **COMMON))
        assert (await listener(daemon, 443)).certificates == (default, one, two)
        await daemon.do(RemoveListenerCertificates(listener="k8s-shop:443", certificates=(one,), **COMMON))
        assert (await listener(daemon, 443)).certificates == (default, two)
        await daemon.do(ModifyListener(load_balancer="k8s-shop", listener=https(site, two), **COMMON))
        assert (await listener(daemon, 443)).certificates[0] == two

    async def test_one_certificate_that_is_refused_costs_itself_only(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        default, good = (site.endpoint.acm.issue(f"{name}.example").arn for name in "ab")
        await daemon.do(CreateListener(load_balancer="k8s-shop", listener=https(site, default), **COMMON))
        bad = good[:-1] + "9"
        add = AddListenerCertificates(listener="k8s-shop:443", certificates=(bad, good), **COMMON)
        assert (await daemon.error(add))[1] == "CertificateNotFound"
        assert (await listener(daemon, 443)).certificates == (default, good)

    async def test_the_default_action(self, daemon: AlbDaemon) -> None:
        wanted = replace(daemon.site.wish().listener, default_actions=(FixedResponse("410"),))
        await daemon.do(ModifyListener(load_balancer="k8s-shop", listener=wanted, **COMMON))
        assert (await listener(daemon)).default_actions == (FixedResponse("410"),)

    async def test_the_policy_is_changed_without_the_default_action(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        default = site.endpoint.acm.issue("a.example").arn
        wanted = https(site, default)
        await daemon.do(CreateListener(load_balancer="k8s-shop", listener=wanted, **COMMON))
        newer = replace(wanted, ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06")
        site.endpoint.faults.add(
            operation="ModifyListener",
            code="InvalidConfiguration",
            when=lambda call: "DefaultActions" in call,
        )
        change = ModifyListener(load_balancer="k8s-shop", listener=newer, parts=("tls",), **COMMON)
        await daemon.do(change)
        assert (await listener(daemon, 443)).ssl_policy == newer.ssl_policy

    async def test_a_secret_of_the_default_action_is_sent_when_it_is_new(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        default = site.endpoint.acm.issue("a.example").arn
        actions = (OIDC, FixedResponse("404"))
        first = https(
            site,
            default,
            default_actions=actions,
            default_secret="one",
            default_secret_digest="digest-of-one",
            tags=tags(SHOP, "443", **{TAG_SPEC: "digest-of-one"}),
        )
        await daemon.do(CreateListener(load_balancer="k8s-shop", listener=first, **COMMON))

        async def secret(wanted: DesiredListener) -> str:
            await daemon.do(ModifyListener(load_balancer="k8s-shop", listener=wanted, **COMMON))
            arn = (await listener(daemon, 443)).arn
            rules = site.account.rules.values()
            return next(each.secret for each in rules if each.listener_arn == arn and each.is_default)

        assert await secret(replace(first, default_secret="not sent")) == "one"
        two = replace(first, default_secret="two", default_secret_digest="digest-of-two")
        assert await secret(two) == "two"

    async def test_a_port_that_somebody_opened_otherwise_is_seen_then(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        arn = (await balancer(daemon)).arn
        await daemon.aws.call(
            "elbv2",
            "create_listener",
            permit=daemon.permit,
            LoadBalancerArn=arn,
            Port=8080,
            Protocol="HTTP",
            DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
        )
        wanted = replace(site.wish().listener, port=8080)
        create = CreateListener(load_balancer="k8s-shop", listener=wanted, **COMMON)
        assert await daemon.error(create) == ("AlreadyExists", "OtherListener")
        assert (await listener(daemon, 8080)).default_actions == (FixedResponse("200"),)

    async def test_one_is_closed(self, site: AlbSite, daemon: AlbDaemon) -> None:
        there = await listener(daemon)
        await daemon.do(DeleteListener(arn=there.arn, listener="k8s-shop:80", **COMMON))
        assert (await balancer(daemon)).listeners == ()


class TestRules:
    async def test_they_swap_and_follow_one_that_was_just_made(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        first, second = await rules(daemon)
        wish = site.wish("web", "api", "new")
        made = CreateRule(
            listener="k8s-shop:80",
            priority=900,
            rule=replace(wish.rule("web"), content=RuleContent(first.content.conditions, OK)),
            tags=tags(SHOP, "80:15", **{TAG_RULE: "new"}),
            **COMMON,
        )
        move = SetRulePriorities(
            listener="k8s-shop:80",
            priorities={first.arn: 20, second.arn: 10},
            created={900: 15},
            **{**COMMON, "key": "move"},
            needs=("k",),
        )
        await daemon.do(made, move)
        found = [(rule.priority, dict(rule.tags).get(TAG_RULE)) for rule in await rules(daemon)]
        assert found == [(10, "api"), (15, "new"), (20, "web")]

    async def test_one_says_something_else(self, site: AlbSite, daemon: AlbDaemon) -> None:
        first, _ = await rules(daemon)
        content = RuleContent(first.content.conditions, OK, (Transform("url-rewrite", "^/a", "/"),))
        change = ModifyRule(
            listener="k8s-shop:80", existing=first, rule=site.wish().rule("web"), content=content, **COMMON
        )
        await daemon.do(change)
        assert (await rules(daemon))[0].content == content
        plain = replace(content, transforms=())
        await daemon.do(replace(change, content=plain))
        assert (await rules(daemon))[0].content == plain

    async def test_a_secret_is_sent_when_it_is_new(self, site: AlbSite, daemon: AlbDaemon) -> None:
        default = site.endpoint.acm.issue("a.example").arn
        await daemon.do(CreateListener(load_balancer="k8s-shop", listener=https(site, default), **COMMON))
        wanted = site.wish().rule("web")
        assert wanted.content
        content = RuleContent(wanted.content.conditions, (OIDC, *OK))
        wanted = replace(wanted, content=content, secret="one", secret_digest="digest-of-one")
        tagged = tags(SHOP, "443:1", **{TAG_SPEC: "digest-of-one"})
        await daemon.do(CreateRule(listener="k8s-shop:443", priority=1, rule=wanted, tags=tagged, **COMMON))
        (made,) = (await listener(daemon, 443)).rules

        async def secret(rule: Any) -> str:
            change = ModifyRule(listener="k8s-shop:443", existing=made, rule=rule, content=content, **COMMON)
            await daemon.do(change)
            return site.account.rules[made.arn].secret

        assert await secret(replace(wanted, secret="not sent")) == "one"
        assert await secret(replace(wanted, secret="two", secret_digest="digest-of-two")) == "two"
        assert await secret(replace(wanted, secret="", secret_digest="digest-of-two")) == "two"

    async def test_a_priority_that_somebody_took_is_told_and_seen_then(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        await daemon.aws.call(
            "elbv2",
            "create_rule",
            permit=daemon.permit,
            ListenerArn=(await listener(daemon)).arn,
            Priority=15,
            Conditions=[{"Field": "path-pattern", "Values": ["/theirs"]}],
            Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
        )
        create = CreateRule(listener="k8s-shop:80", priority=15, rule=site.wish().rule("web"), **COMMON)
        assert await daemon.error(create) == ("Conflict", "PriorityInUse")
        assert [rule.priority for rule in await rules(daemon)] == [10, 15, 20]

    async def test_one_that_is_gone_already_is_gone(self, daemon: AlbDaemon) -> None:
        first, second = await rules(daemon)
        delete = DeleteRule(listener="k8s-shop:80", existing=first, **COMMON)
        await daemon.do(delete)
        await daemon.do(delete)
        assert await rules(daemon) == (second,)

    async def test_one_that_somebody_deleted_is_missed(self, site: AlbSite, daemon: AlbDaemon) -> None:
        first, second = await rules(daemon)
        await daemon.aws.call("elbv2", "delete_rule", permit=daemon.permit, RuleArn=first.arn)
        change = ModifyRule(
            listener="k8s-shop:80",
            existing=first,
            rule=site.wish().rule("web"),
            content=second.content,
            **COMMON,
        )
        (result,) = await daemon.apply([change])
        assert isinstance(result, Outcome)
        assert result.error
        assert result.error.code == "RuleNotFound"
        site.account.agenda.settle()
        assert await daemon.settle(site.wish()) == 1


OK = (FixedResponse("200"),)
