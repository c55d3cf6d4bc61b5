"""The policy file is read whenever something changes, and decoded when the file itself has changed."""

from pathlib import Path

import pytest

from addons.iamproxy.controller import policy_file
from addons.iamproxy.controller.policy_file import PolicyFile
from addons.iamproxy.desired.policy import Policy, parse_policy

GOOD = b"rules: [{name: a, roles: [b]}]"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    found: list[bytes] = []

    def counted(data: bytes) -> Policy:
        found.append(data)
        return parse_policy(data)

    monkeypatch.setattr(policy_file, "parse_policy", counted)
    return found


def test_a_file_is_decoded_once_whether_it_is_good_or_bad(tmp_path: Path, decoded: list[bytes]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(GOOD)
    policy = PolicyFile(path)
    path.write_bytes(b"rules: 1")
    assert [policy.refresh() for _ in range(3)] == [True, False, False]
    assert policy.error
    assert decoded == [GOOD, b"rules: 1"]
    assert policy.policy == parse_policy(GOOD)


def test_a_bad_file_that_was_away_is_bad_when_it_is_back(tmp_path: Path, decoded: list[bytes]) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(GOOD)
    policy = PolicyFile(path)
    path.unlink()
    assert policy.refresh()
    assert "cannot be read" in policy.error
    path.write_bytes(GOOD)
    assert not policy.refresh()
    assert policy.error == ""
    assert decoded == [GOOD]
