"""With --merge-rules neighbouring rules of one answer become one, and each request is answered as before."""

from hypothesis import given
from hypothesis import strategies as st

from addons.albingress.desired.inputs import Member
from addons.albingress.model.objects import IngressRule
from addons.albingress.model.rules import Condition
from addons.albingress.model.stack import DesiredRule
from tests.support.alb_rules import https, in_words, member, path, rule, rules, secret, service

HOSTS, PATHS = st.sampled_from(["a.org", "b.org", ""]), st.sampled_from(["/x", "/y", "/z", "/", ""])
WRITTEN = st.lists(
    st.builds(
        lambda host, texts, names: rule(
            host,
            *(
                path(text, name, kind="ImplementationSpecific")
                for text, name in zip(texts, names, strict=True)
            ),
        ),
        HOSTS,
        st.lists(PATHS, min_size=3, max_size=3),
        st.lists(st.sampled_from(["web", "web", "other"]), min_size=3, max_size=3),
    ),
    min_size=1,
    max_size=3,
)
REQUESTS = [(host, text) for host in ("a.org", "b.org", "c.org") for text in ("/x", "/y", "/z", "/q")]


def merged(*members: Member) -> list[str]:
    return rules(*members, services=[service(), service("other")], merge_rules=True).said


def conditions(found: tuple[DesiredRule, ...]) -> list[tuple[Condition, ...]]:
    return [each.content.conditions for each in found if each.content]


def answer(found: tuple[DesiredRule, ...], host: str, text: str) -> str:
    for each in found:
        if each.content and all(_fits(one, host, text) for one in each.content.conditions):
            return in_words(each).partition(" -> ")[2]
    return "404"


def _fits(condition: Condition, host: str, text: str) -> bool:
    return (
        host if condition.field == "host-header" else text
    ) in condition.values or "/*" in condition.values


def test_paths_of_one_service_become_one_rule() -> None:
    one = member("a", rule("a.org", path("/x"), path("/y"), path("/z")))
    found = rules(one, merge_rules=True)
    assert found.said == ["a.org/x -> web", "a.org/y absent", "a.org/z -> web"]
    assert conditions(found.rules) == [
        (Condition("host-header", ("a.org",)), Condition("path-pattern", ("/x", "/x/*", "/y", "/y/*"))),
        (Condition("host-header", ("a.org",)), Condition("path-pattern", ("/z", "/z/*"))),
    ]
    assert found.rules[1].because == "a rule in front has its requests"


def test_hosts_of_one_path_too() -> None:
    one = member("a", rule("a.org", path("/x")), rule("b.org", path("/x")))
    assert merged(one) == ["a.org/x -> web", "b.org/x absent"]


def test_without_the_setting_nothing_is_merged() -> None:
    one = member("a", rule("a.org", path("/x"), path("/y")))
    assert rules(one).said == ["a.org/x -> web", "a.org/y -> web"]


def test_another_answer_between_keeps_them_apart() -> None:
    one = member("a", rule("a.org", path("/xxx"), path("/yy", "other"), path("/z")))
    assert "absent" not in " ".join(merged(one))


def test_rules_that_differ_in_two_conditions_stay_two() -> None:
    one = member("a", rule("a.org", path("/x")), rule("b.org", path("/y")))
    assert merged(one) == ["a.org/x -> web", "b.org/y -> web"]


def test_rules_of_two_ingresses_stay_two() -> None:
    action = {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}
    both = [
        member(name, rule(f"{name}.org", path("/", "act", "use-annotation")), said={"actions.act": action})
        for name in "ab"
    ]
    assert merged(*both) == ["a.org/ -> 200", "b.org/ -> 200"]


def test_a_placeholder_is_merged_with_nothing() -> None:
    one = member("a", rule("a.org", path("/x", "nobody"), path("/y", "nobody")))
    assert merged(one) == ["a.org/x placeholder -> 503", "a.org/y placeholder -> 503"]


def test_rules_with_a_login_keep_its_secret() -> None:
    said = {
        "auth-type": "oidc",
        "auth-idp-oidc": {
            "issuer": "https://i",
            "authorizationEndpoint": "https://i/a",
            "tokenEndpoint": "https://i/t",
            "userInfoEndpoint": "https://i/u",
            "secretName": "login",
        },
    }
    found = https(
        member("a", rule("a.org", path("/x"), path("/y")), said=said), secrets=[secret()], merge_rules=True
    )
    assert found.said == ["a.org/x -> login then web", "a.org/y absent"]
    assert found.rules[0].secret == "hunter2"


@given(WRITTEN)
def test_each_request_is_answered_as_before(written: list[IngressRule]) -> None:
    one = member("a", *written)
    there = [service(), service("other")]
    before, after = (rules(one, services=there, merge_rules=each).rules for each in (False, True))
    for host, text in REQUESTS:
        assert answer(before, host, text) == answer(after, host, text)
    assert len(conditions(after)) <= len(conditions(before))
