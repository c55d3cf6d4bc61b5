"""The guide from external-dns has each flag of it that is refused, with the words of the refusal."""

import re
from pathlib import Path

import pytest

from addons.dns.__main__ import run
from addons.dns.config import RETIRED, Config
from addons.runtime.settings import settings_of

GUIDE = (Path(__file__).parents[3] / "docs" / "migrating-from-external-dns.md").read_text()
_, _, REFUSED = GUIDE.partition("\nThese are refused with the words of this table")
ROWS = {
    flag: words
    for flags, words in re.findall(r"^\| (`--.+?`) \| ([^|]+) \|$", REFUSED, re.MULTILINE)
    for flag in re.findall(r"`(--[a-z0-9-]+)`", flags)
}


def test_the_guide_has_the_words_of_each_refusal() -> None:
    assert ROWS == RETIRED


def test_no_flag_is_taken_and_refused() -> None:
    assert {setting.flag for setting in settings_of(Config)}.isdisjoint(RETIRED)


def test_flags_that_do_not_exist_here_are_refused_with_what_there_is_in_their_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not with what their names are like: `--default-targets` is no `--delete-budget`."""
    assert run(["--txt-owner-id=me", "--metrics-address=:7979", "--default-targets=192.0.2.1"]) == 2
    assert capsys.readouterr().err == (
        "addons dns: --metrics-address is not needed: it is --listen; "
        "--default-targets is not needed: targets are those of objects, or of their target annotation\n"
    )
