"""The guide from cluster-autoscaler names every flag that is kept or retired, and none that is neither."""

import re
from pathlib import Path

import pytest

from addons.autoscaler import names
from addons.autoscaler.config import RETIRED, Config
from addons.runtime.settings import CommonConfig, settings_of

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "migrating-from-cluster-autoscaler.md").read_text()
FLAGS = {setting.flag for setting in settings_of(Config)}
OURS = {setting.flag for setting in settings_of(CommonConfig)} | {
    *("--allow-spot", "--force", "--force-take-over", "--interruption-queue", "--kube-reserved"),
    *("--leader-elect-name", "--leader-elect-namespace", "--max-step", "--max-step-total"),
    *("--max-unproven-nodes", "--pod-namespaces", "--pod-selector", "--refresh-interval"),
}
"""Flags that the original has not."""


def rows() -> dict[str, str]:
    """What the table of flags says of each."""
    _, _, rest = GUIDE.partition("\n## Flags\n")
    found = re.findall(r"^\| (`--.+?) \| (.+) \|$", rest.partition("\n## ")[0], re.MULTILINE)
    return {flag: words for flags, words in found for flag in re.findall(r"`(--[a-z-]+)`", flags)}


def test_every_flag_that_is_kept_is_in_the_table() -> None:
    assert FLAGS - OURS - rows().keys() - {"--kubeconfig"} == set()


def test_every_flag_of_the_table_is_taken_or_refused_with_a_sentence() -> None:
    assert rows().keys() - FLAGS - RETIRED.keys() == set()


@pytest.mark.parametrize("flag", RETIRED)
def test_a_retired_flag_has_the_words_of_its_refusal(flag: str) -> None:
    assert RETIRED[flag].removeprefix("it is ") in rows()[flag].replace("`", "")


def test_no_flag_is_taken_and_refused() -> None:
    assert FLAGS.isdisjoint(RETIRED)


def test_the_page_about_how_it_works_names_every_option_of_a_group() -> None:
    page = (ROOT / "docs" / "autoscaler.md").read_text()
    options = [value for name, value in vars(names).items() if name.startswith("OPTION_")]
    assert len(options) > 5
    assert [option for option in options if f"`{option}`" not in page] == []


def test_the_page_names_every_tag_annotation_and_taint_that_a_drain_leaves() -> None:
    page = (ROOT / "docs" / "autoscaler.md").read_text()
    for name in (names.TO_BE_DELETED, names.DELETION_CANDIDATE, names.DRAIN, names.TEMPLATE_LABEL):
        assert f"`{name}" in page
