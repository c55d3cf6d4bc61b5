"""Transforms by annotation: how host and path are rewritten."""

import json
from typing import Any

import pytest

from addons.albingress.desired.annotation_values import Unreadable
from addons.albingress.desired.transforms import transforms
from addons.albingress.model.rules import Transform

URL = {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/api/(.*)$", "replace": "/$1"}]}}
HOST = {
    "type": "host-header-rewrite",
    "hostHeaderRewriteConfig": {"rewrites": [{"regex": ".*", "replace": "a.org"}]},
}


def read(*written: Any) -> tuple[Transform, ...]:
    return transforms(json.dumps(written))


def test_one_of_each_kind_in_any_order() -> None:
    expected = (
        Transform("host-header-rewrite", ".*", "a.org"),
        Transform("url-rewrite", "^/api/(.*)$", "/$1"),
    )
    assert read(URL, HOST) == read(HOST, URL) == expected


@pytest.mark.parametrize(
    ("transforms", "said"),
    [
        ([URL, URL], "one transform of each type"),
        ([{"type": "rewrite"}], "type 'rewrite' is none of url-rewrite, host-header-rewrite"),
        ([{"type": "url-rewrite"}], "urlRewriteConfig needs exactly one of rewrites"),
        ([{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": []}}], "exactly one of rewrites"),
        (
            [{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"replace": "/"}]}}],
            "regex and replace",
        ),
        ([5], "[0]: expected an object, got a whole number"),
    ],
)
def test_what_cannot_be_used_is_named(transforms: list[Any], said: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(*transforms)
    assert str(caught.value).startswith("")
    assert said in str(caught.value)
