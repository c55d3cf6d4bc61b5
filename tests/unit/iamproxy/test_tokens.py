"""Session tokens: bound to one pod, for a limited time."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.server.tokens import Tokens, load_key, new_key, parse_ttl
from addons.runtime.settings import SettingError

KEY = b"k" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(KEY, clock)


class TestTokens:
    def test_a_pod_may_use_its_token(self, tokens: Tokens) -> None:
        assert tokens.is_valid(tokens.issue("uid-1", 60), "uid-1")

    def test_no_other_pod_may(self, tokens: Tokens) -> None:
        assert not tokens.is_valid(tokens.issue("uid-1", 60), "uid-2")

    def test_it_ends_when_its_time_is_over(self, tokens: Tokens, clock: Clock) -> None:
        token = tokens.issue("uid-1", 60)
        clock.now += 59
        assert tokens.is_valid(token, "uid-1")
        clock.now += 1
        assert not tokens.is_valid(token, "uid-1")

    def test_it_is_worth_nothing_under_another_key(self, tokens: Tokens, clock: Clock) -> None:
        assert not Tokens(new_key(), clock).is_valid(tokens.issue("uid-1", 60), "uid-1")

    def test_a_daemon_with_the_same_key_accepts_it(self, tokens: Tokens, clock: Clock) -> None:
        assert Tokens(KEY, clock).is_valid(tokens.issue("uid-1", 60), "uid-1")

    @given(st.integers(0, 53), st.binary(min_size=1, max_size=1))
    def test_a_changed_token_is_invalid(self, place: int, character: bytes) -> None:
        tokens = Tokens(KEY)
        token = tokens.issue("uid-1", 60)
        changed = token[:place] + character + token[place + 1 :]
        assert changed == token or not tokens.is_valid(changed, "uid-1")

    def test_a_token_has_one_spelling(self, tokens: Tokens) -> None:
        """Decoders of base64 take `+` for `-` and `/` for `_`."""
        for uid in map(str, range(50)):
            token = tokens.issue(uid, 60)
            other = token.translate(bytes.maketrans(b"-_", b"+/"))
            assert other == token or not tokens.is_valid(other, uid)

    @given(
        st.one_of(st.binary(max_size=80), st.text("ABCabc123-_=", min_size=56, max_size=56).map(str.encode))
    )
    def test_what_we_did_not_issue_is_invalid(self, token: bytes) -> None:
        assert not Tokens(KEY).is_valid(token, "uid-1")


class TestLifeTimes:
    @pytest.mark.parametrize(("text", "seconds"), [(b"1", 1), (b"21600", 21600), (b"00060", 60)])
    def test_from_one_second_to_six_hours(self, text: bytes, seconds: int) -> None:
        assert parse_ttl(text) == seconds

    @pytest.mark.parametrize(
        "text",
        [b"", b"0", b"-1", b"21601", b"1.5", b"+60", b"6_0", b" 60", b"1e3", "٦٠".encode(), b"9" * 5000],
    )
    def test_nothing_else(self, text: bytes) -> None:
        assert parse_ttl(text) is None


class TestKeyFiles:
    def test_a_key_is_kept_for_the_next_start_and_for_us_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "run" / "token.key"
        key = load_key(path)
        assert len(key) == 32
        assert load_key(path) == key
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert list(path.parent.iterdir()) == [path]

    def test_a_file_that_holds_something_else_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "token.key"
        path.write_text("secret")
        with pytest.raises(SettingError, match="token-key-file"):
            load_key(path)
