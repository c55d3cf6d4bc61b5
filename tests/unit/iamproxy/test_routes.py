"""Which paths exist: exactly those in the dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.server.routes import HARMLESS_KEYS, Kind, Route, Routes
from addons.runtime.settings import SettingError

ROUTES = Routes(["placement/region", "instance-id"])
ROLES = b"/latest/meta-data/iam/security-credentials"
SEGMENTS = [
    "latest",
    "meta-data",
    "iam",
    "security-credentials",
    "user-data",
    "..",
    ".",
    "",
    "%2e",
    "dynamic",
]


def find(target: str) -> Route | None:
    return ROUTES.find(target.encode("latin-1"))


def kind(target: str) -> Kind | None:
    route = find(target)
    return route.kind if route else None


def listing(target: str) -> tuple[str, ...]:
    route = find(target)
    assert route
    return route.names


class TestPathsThatExist:
    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            ("/healthz", Kind.HEALTH),
            ("/latest/api/token", Kind.TOKEN),
            ("/latest/meta-data/iam/info", Kind.INFO),
            ("/latest/meta-data/iam/security-credentials", Kind.ROLES),
            ("/latest/meta-data/iam/security-credentials/", Kind.ROLES),
            ("/latest/meta-data/iam/security-credentials-extended", Kind.ROLES),
            ("/latest/meta-data/iam/security-credentials-extended/", Kind.ROLES),
            ("/latest/meta-data/iam/security-credentials/reader", Kind.CREDENTIALS),
            ("/latest/meta-data/iam/security-credentials-extended/reader", Kind.CREDENTIALS),
            ("/latest/meta-data/placement/region", Kind.NODE_KEY),
            ("/latest/meta-data/placement/region/", Kind.NODE_KEY),
        ],
    )
    def test_each_is_about_one_thing(self, target: str, expected: Kind) -> None:
        assert kind(target) is expected

    def test_versions_may_be_dates(self) -> None:
        assert kind("/2021-07-15/api/token") is Kind.TOKEN
        assert kind("/2016-09-02/meta-data/iam/security-credentials/reader") is Kind.CREDENTIALS
        assert listing("/2021-07-15") == listing("/latest")

    @pytest.mark.parametrize(
        "version", ["1.0", "newest", "2021-7-15", "20210715", "2021-07-155", "2021-07-1a"]
    )
    def test_other_versions_do_not_exist(self, version: str) -> None:
        assert find(f"/{version}/meta-data/iam/info") is None

    def test_only_the_newer_credential_paths_are_extended(self) -> None:
        assert [
            route.extended
            for suffix in (b"", b"-extended")
            if (route := ROUTES.find(ROLES + suffix + b"/reader"))
        ] == [False, True]

    def test_a_role_may_have_a_path_or_be_an_arn(self) -> None:
        for role in (
            "reader",
            "team/reader",
            "arn:aws:iam::123456789012:role/team/reader",
            "a+b=c,d.e@f_g-h",
        ):
            route = find(f"/latest/meta-data/iam/security-credentials/{role}")
            assert route
            assert route.role == role

    def test_a_slash_behind_a_role_changes_nothing(self) -> None:
        assert find("/latest/meta-data/iam/security-credentials/reader/") == find(
            "/latest/meta-data/iam/security-credentials/reader"
        )


class TestListings:
    def test_every_folder_lists_what_is_in_it(self) -> None:
        assert listing("/") == ("latest",)
        assert listing("/latest/") == ("meta-data/",)
        assert listing("/latest/meta-data/") == ("iam/", "instance-id", "placement/")
        assert listing("/latest/meta-data/placement") == ("region",)

    def test_everything_listed_exists(self) -> None:
        folders = ["/latest/"]
        while folders:
            folder = folders.pop()
            if kind(folder) is not Kind.LISTING:
                continue
            for name in listing(folder):
                assert find(folder + name), folder + name
                folders += [folder + name] if name.endswith("/") else []


class TestPathsThatDoNot:
    @pytest.mark.parametrize(
        "target",
        [
            "/latest/user-data",
            "/latest/dynamic/instance-identity/document",
            "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
            "/latest/meta-data/instance-type",
            "//latest/meta-data/iam/info",
            "/latest//meta-data/iam/info",
            "/latest/./meta-data/iam/info",
            "/latest/meta-data/x/../iam/info",
            "/latest/meta-data/iam%2Finfo",
            "/latest/meta-data/iam/%69nfo",
            "/latest/meta-data/IAM/info",
            "/LATEST/meta-data/iam/info",
            "/latest/meta-data/iam/info/",
            "/latest/meta-data/iam/info?x=1",
            "/latest/meta-data/iam/info#x",
            "/latest/meta-data/iam/info;x",
            "/latest\\meta-data\\iam\\info",
            "/latest/meta-data/iam/security-credentials/..",
            "/latest/meta-data/iam/security-credentials/../../../user-data",
            "/latest/meta-data/iam/security-credentials//reader",
            "/latest/meta-data/iam/security-credentials/reader//",
            "/latest/meta-data/iam/security-credentials/reader%0a",
            "/latest/meta-data/iam/security-credentials/reader\x00",
            "/latest/meta-data/iam/security-credentials/re\xe4der",
            "http://169.254.169.254/latest/meta-data/iam/info",
            "latest/meta-data/iam/info",
            "*",
            "",
        ],
    )
    def test_there_is_nothing_behind_tricks(self, target: str) -> None:
        assert find(target) is None

    def test_a_role_longer_than_any_arn_does_not_exist(self) -> None:
        assert ROUTES.find(ROLES + b"/" + b"r" * 641) is None

    @given(st.lists(st.sampled_from(SEGMENTS), max_size=8))
    def test_nothing_but_a_role_is_left_to_choice(self, segments: list[str]) -> None:
        target = "/" + "/".join(segments)
        found = kind(target)
        folder = "/latest/meta-data/iam/security-credentials/"
        assert found in (None, Kind.LISTING, Kind.ROLES, Kind.CREDENTIALS)
        if found is Kind.CREDENTIALS:
            role = target.removeprefix(folder).removesuffix("/")
            assert target.startswith(folder)
            assert not {"..", ".", "", "%2e"} & set(role.split("/"))
        elif found:
            assert not {"..", ".", "%2e", "user-data"} & set(segments)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_path_or_not(self, target: bytes) -> None:
        found = ROUTES.find(target)
        assert found is None or target.startswith(b"/")


class TestKeysOfTheNode:
    def test_only_the_chosen_ones_exist(self) -> None:
        assert {key for key in HARMLESS_KEYS if find(f"/latest/meta-data/{key}")} == {
            "placement/region",
            "instance-id",
        }

    @pytest.mark.parametrize(
        "key", ["iam/info", "user-data", "../user-data", "identity-credentials/ec2/info", ""]
    )
    def test_a_key_that_may_hold_a_secret_cannot_be_chosen(self, key: str) -> None:
        with pytest.raises(SettingError, match="--metadata-allow"):
            Routes([key])
