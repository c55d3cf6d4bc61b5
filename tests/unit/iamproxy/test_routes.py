"""Which paths exist: exactly those in the dictionary, and a role behind its folder, which may be encoded."""

import re
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from addons.iamproxy.server.routes import HARMLESS_KEYS, Kind, Route, Routes
from addons.runtime.settings import SettingError

ROUTES = Routes(["placement/region", "instance-type"], identity=True)
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


EXTENDED = ROLES + b"-extended"
ROLE_CHARACTERS = "abcXYZ019_+=,.@-/:"
SPELLINGS = ["{0}", "%{1:02x}", "%{1:02X}"]
PIECES = [
    "%",
    "%2",
    "%25",
    "%2F",
    "%2f",
    "%2e",
    "%40",
    "%3A",
    "%00",
    "%0a",
    "%E4",
    "..",
    "/",
    "reader",
    "40",
    "@",
]


def is_role(text: str) -> bool:
    """Whether a text can be a role, said anew: parts of the characters of IAM, none of them dots only."""
    parts = text.split("/")
    return len(text) <= 640 and all(
        re.fullmatch(r"(?!\.{1,2}\Z)[A-Za-z0-9_+=,.@:-]+", part) for part in parts
    )


def role_in(written: str) -> str:
    """The role of the path of credentials that has this behind its folder; "" where there is no such path."""
    route = ROUTES.find(ROLES + b"/" + written.encode("latin-1"))
    return route.role if route else ""


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
            ("/latest/meta-data/iam/info/", Kind.INFO),
            ("/latest/meta-data/instance-id", Kind.INSTANCE_ID),
            ("/latest/meta-data/instance-id/", Kind.INSTANCE_ID),
            ("/latest/dynamic/instance-identity/document", Kind.IDENTITY),
            ("/latest/dynamic/instance-identity/document/", Kind.IDENTITY),
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
            assert role_in(role) == role

    def test_a_slash_behind_a_role_changes_nothing(self) -> None:
        assert find("/latest/meta-data/iam/security-credentials/reader/") == find(
            "/latest/meta-data/iam/security-credentials/reader"
        )


class TestEncodedRoles:
    """The AWS SDK for C++ and boto 2 encode the name that they were told; each of them another part of it."""

    @pytest.mark.parametrize(
        ("written", "role"),
        [
            ("etl%40prod", "etl@prod"),
            ("arn%3Aaws%3Aiam%3A%3A222222222222%3Arole/shared", "arn:aws:iam::222222222222:role/shared"),
            ("arn%3aaws%3aiam%3a%3a222222222222%3arole%2fshared", "arn:aws:iam::222222222222:role/shared"),
            ("team%2Freader", "team/reader"),
            ("%72%65%61%64%65%72", "reader"),
            ("a%2Bb%3Dc%2Cd", "a+b=c,d"),
            ("a+b", "a+b"),
            ("reader%2D1/", "reader-1"),
        ],
    )
    def test_each_is_the_role_that_it_stands_for(self, written: str, role: str) -> None:
        assert role_in(written) == role

    @pytest.mark.parametrize(
        "written",
        [
            *("%zz", "%2", "%", "reader%", "reader%4", "%u0040", "% 40", "%+1", "%-1", "% 1", "%0x41"),
            *("etl%2540prod", "etl%252540prod", "%2525", "%25", "%25%34%30", "a%2540"),
            *("reader%00", "reader%0a", "reader%0D%0A", "%1f", "%7F", "reader%20", "%80", "%C3%A4", "%ff"),
            *(
                "%2e",
                "%2E%2e",
                ".%2e",
                "%2e.",
                "%2F..",
                "..%2F",
                "%2F..%2Fuser-data",
                "a%2f..%2Fb",
                "a/%2e%2e/b",
            ),
            *("%2Freader", "reader%2F", "reader%2F/", "a%2F%2Fb", "a/%2Fb", "a%2F/b", "%2F"),
            *("%3F", "reader%3Fx=1", "reader%23x", "reader%3Bx", "reader%5C", "%2A", "reader?", "reader%26"),
            "%72" * 641,
        ],
    )
    def test_what_stands_for_no_role_does_not_exist(self, written: str) -> None:
        assert role_in(written) == ""

    @given(
        st.lists(
            st.tuples(st.sampled_from(ROLE_CHARACTERS), st.sampled_from(SPELLINGS)), min_size=1, max_size=80
        )
    )
    def test_whichever_characters_are_encoded_it_is_the_same_role(
        self, characters: list[tuple[str, str]]
    ) -> None:
        plain = "".join(character for character, _ in characters)
        written = "".join(spelling.format(character, ord(character)) for character, spelling in characters)
        assume(not plain.endswith("/"))
        assert role_in(written) == role_in(plain) == (plain if is_role(plain) else "")

    @given(st.lists(st.sampled_from(PIECES) | st.characters(max_codepoint=255), max_size=12).map("".join))
    def test_only_what_is_a_role_once_decoded_exists(self, written: str) -> None:
        once = unquote_to_bytes(written.removesuffix("/").encode("latin-1")).decode("latin-1")
        assert role_in(written) == (once if is_role(once) else "")

    @given(role=st.text(ROLE_CHARACTERS, min_size=1, max_size=20), place=st.integers(0, 19))
    def test_nothing_is_decoded_twice(self, role: str, place: int) -> None:
        place %= len(role)
        assert role_in(f"{role[:place]}%25{ord(role[place]):02X}{role[place + 1 :]}") == ""

    @given(st.sampled_from(sorted(ROUTES._exact)), st.data())
    def test_nothing_before_the_role_is_decoded(self, path: bytes, data: st.DataObject) -> None:
        whole = path.rstrip(b"/") + b"/reader" if path.rstrip(b"/") in (ROLES, EXTENDED) else path
        folder = whole.removesuffix(b"reader")
        place = data.draw(st.integers(0, len(folder) - 1))
        assert ROUTES.find(b"%b%%%02X%b" % (whole[:place], whole[place], whole[place + 1 :])) is None


class TestListings:
    def test_every_folder_lists_what_is_in_it(self) -> None:
        assert listing("/") == ("latest",)
        assert listing("/latest/") == ("dynamic/", "meta-data/")
        assert listing("/latest/dynamic/instance-identity") == ("document",)
        assert listing("/latest/meta-data/") == ("iam/", "instance-id", "instance-type", "placement/")
        assert listing("/latest/meta-data/placement") == ("region",)

    def test_everything_listed_exists_with_and_without_a_slash(self) -> None:
        folders = ["/latest/"]
        while folders:
            folder = folders.pop()
            if kind(folder) is not Kind.LISTING:
                continue
            for name in listing(folder):
                path = folder + name.removesuffix("/")
                assert find(path), path
                assert find(path) == find(f"{path}/")
                folders += [folder + name] if name.endswith("/") else []


class TestPathsThatDoNot:
    @pytest.mark.parametrize(
        "target",
        [
            "/latest/user-data",
            "/latest/dynamic/instance-identity/signature",
            "/latest/dynamic/instance-identity/pkcs7",
            "/latest/dynamic/instance-identity/rsa2048",
            "/latest/dynamic/instance-identity/document//",
            "/latest/dynamic/fws/instance-monitoring",
            "/latest/api/token/",
            "/healthz/",
            "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
            "/latest/meta-data/ami-id",
            "//latest/meta-data/iam/info",
            "/latest//meta-data/iam/info",
            "/latest/./meta-data/iam/info",
            "/latest/meta-data/x/../iam/info",
            "/latest/meta-data/iam%2Finfo",
            "/latest/meta-data/iam/%69nfo",
            "/latest/meta-data/IAM/info",
            "/LATEST/meta-data/iam/info",
            "/latest/meta-data/iam/info//",
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
        keys = {key for key in HARMLESS_KEYS if kind(f"/latest/meta-data/{key}") is Kind.NODE_KEY}
        assert keys == {"placement/region", "instance-type"}

    @pytest.mark.parametrize(
        "key", ["iam/info", "user-data", "../user-data", "identity-credentials/ec2/info", ""]
    )
    def test_a_key_that_may_hold_a_secret_cannot_be_chosen(self, key: str) -> None:
        with pytest.raises(SettingError, match="--metadata-allow"):
            Routes([key], identity=True)


class TestIdentity:
    def test_it_is_made_of_what_pods_may_read_of_the_node_anyway(self) -> None:
        for allowed in (["placement/region"], ["ami-id", "placement/availability-zone"], ["mac"], []):
            found = Routes(allowed, identity=True).find(b"/latest/dynamic/instance-identity/document")
            assert found
            assert found.keys == tuple(key for key in allowed if key != "mac")

    def test_an_id_that_pods_may_read_is_the_node_s_own(self) -> None:
        found = Routes(["instance-id"], identity=True).find(b"/latest/meta-data/instance-id")
        assert found == Route(Kind.NODE_KEY, keys=("instance-id",))

    @pytest.mark.parametrize(
        "path", ["dynamic", "dynamic/instance-identity/document", "meta-data/instance-id"]
    )
    def test_it_can_be_left_out(self, path: str) -> None:
        routes = Routes(["placement/region"], identity=False)
        assert routes.find(f"/latest/{path}".encode()) is None
        assert routes.find(f"/latest/{path}/".encode()) is None
        listed = routes.find(b"/latest/")
        assert listed
        assert listed.names == ("meta-data/",)
