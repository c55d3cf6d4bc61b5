"""What a path of an Ingress matches, and in which order paths are compared."""

import pytest

from addons.albingress.desired.not_usable import NotUsable
from addons.albingress.desired.paths import PathPatterns, host_rank, in_order, path_patterns
from addons.albingress.model.objects import IngressPath


def values(path: str, path_type: str) -> tuple[str, ...]:
    return path_patterns(path, path_type).values


@pytest.mark.parametrize(
    ("path", "path_type", "expected"),
    [
        ("/", "Prefix", ("/*",)),
        ("/app", "Prefix", ("/app", "/app/*")),
        ("/app/", "Prefix", ("/app", "/app/*")),
        ("/a//b", "Prefix", ("/a//b", "/a//b/*")),
        ("/", "Exact", ("/",)),
        ("/app/", "Exact", ("/app/",)),
        ("/app/*", "ImplementationSpecific", ("/app/*",)),
        ("/a?c", "ImplementationSpecific", ("/a?c",)),
        ("", "ImplementationSpecific", ()),
    ],
)
def test_a_path_matches_what_the_original_makes_of_it(
    path: str, path_type: str, expected: tuple[str, ...]
) -> None:
    assert values(path, path_type) == expected


@pytest.mark.parametrize("path_type", ["Exact", "Prefix"])
@pytest.mark.parametrize("path", ["/a*", "/a?b"])
def test_a_wildcard_in_a_standard_path_is_refused_since_it_would_match_more(
    path: str, path_type: str
) -> None:
    with pytest.raises(NotUsable, match=r"path /a.*: .* pathType ImplementationSpecific"):
        path_patterns(path, path_type)


def test_a_type_that_is_not_known_is_refused_by_name() -> None:
    with pytest.raises(NotUsable, match="path /a: pathType Glob is none of Exact, Prefix"):
        path_patterns("/a", "Glob")


def test_a_regular_expression_loses_the_slash_that_kubernetes_wants() -> None:
    found = path_patterns("/^/v[12]/.*$", "ImplementationSpecific", regex=True)
    assert found == PathPatterns(regex=("^/v[12]/.*$",))


@pytest.mark.parametrize("path_type", ["Exact", "Prefix"])
def test_standard_paths_are_no_regular_expressions(path_type: str) -> None:
    assert path_patterns("/app", path_type, regex=True).regex == ()


def test_exact_paths_come_first_then_long_prefixes_then_the_others_as_written() -> None:
    written = [
        IngressPath(path="/*", path_type="ImplementationSpecific"),
        IngressPath(path="/", path_type="Prefix"),
        IngressPath(path="/b", path_type="Exact"),
        IngressPath(path="/long", path_type="Prefix"),
        IngressPath(path="/a", path_type="Exact"),
        IngressPath(path="/z", path_type="ImplementationSpecific"),
    ]
    assert [path.path for path in in_order(written)] == ["/b", "/a", "/long", "/", "/*", "/z"]


def test_full_hosts_come_before_wildcards_and_those_before_any_host() -> None:
    hosts = ["", "*.org", "*.example.org", "www.example.org"]
    assert sorted(hosts, key=host_rank) == ["www.example.org", "*.example.org", "*.org", ""]
