"""Label selectors choose as `kubectl -l` does."""

import pytest

from addons.runtime.selectors import equality_selector, parse_selector

LABELS = {"app": "web", "tier": "front", "example.org/team": "a"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "app",
        "app=web",
        "app==web",
        "app = web",
        "app=web,tier=front",
        "app=web, tier in (back, front)",
        "tier notin (back)",
        "missing notin (x)",
        "missing!=x",
        "app!=api",
        "!missing",
        "! missing",
        "example.org/team=a",
        "tier in (front),!missing,app",
    ],
)
def test_selected(text: str) -> None:
    assert parse_selector(text).matches(LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "app=api",
        "app=",
        "missing",
        "!app",
        "tier in (back)",
        "tier notin (front)",
        "app!=web",
        "app=web,missing",
    ],
)
def test_not_selected(text: str) -> None:
    assert not parse_selector(text).matches(LABELS)


def test_an_empty_value_is_a_value() -> None:
    assert parse_selector("app=").matches({"app": ""})
    assert parse_selector("app in (,x)").matches({"app": ""})


@pytest.mark.parametrize(
    "text", ["a=b,", ",a", "a b", "a in", "a in x", "a in (x", "=x", "a=b=c", "!", "a~b", "-a", "a,,b"]
)
def test_what_is_no_selector_is_shown(text: str) -> None:
    with pytest.raises(ValueError, match="not a label selector"):
        parse_selector(text)


def test_a_service_selects_by_equality() -> None:
    selector = equality_selector({"app": "web", "tier": "front"})
    assert selector.matches(LABELS)
    assert not selector.matches({"app": "web"})
