"""By what a rule is known again."""

from msgspec.structs import replace

from addons.albingress.model.stack import RuleKey

KEY = RuleKey("shop/web", "a.org", "/x", "Prefix", "web:80")


def test_the_digest_is_a_tag_of_32_characters_and_stays_what_it_is() -> None:
    assert KEY.digest == "7e8229edbbf2847735a32b80c2808a2d"


def test_every_part_of_the_key_counts() -> None:
    changes = {"ingress": "a/b", "host": "b.org", "path": "/y", "path_type": "Exact", "backend": "b:1"}
    keys = {KEY.digest, replace(KEY, nth=1).digest, replace(KEY, part=1).digest}
    keys |= {replace(KEY, **{name: value}).digest for name, value in changes.items()}
    assert len(keys) == 8


def test_the_resource_is_the_tag_of_the_target_group_that_the_original_makes() -> None:
    assert KEY.resource == "shop/web-web:80"
