"""A setting that cannot be meant is told by its name before anything is opened: it needs no cluster."""

import pytest

from addons.autoscaler.__main__ import run

NO_CLUSTER = ("--kubeconfig=/nowhere/kubeconfig", "--once")


@pytest.mark.parametrize("command", [[], ["check"]])
@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--nodes=5:1:web", "--nodes=5:1:web: the minimum 5 is above the maximum 1"),
        ("--cores-total=5:4", "--cores-total=5:4: the minimum 5 is above the maximum 4"),
        ("--scan-interval=0s", "--scan-interval: 0s is not allowed"),
        ("--node-group-auto-discovery=asg:tag=a=1,a=2", "the tag a is named twice"),
        ("--kube-reserved=cpu=much", "--kube-reserved: "),
    ],
)
def test_a_wrong_setting_is_told_without_a_cluster(
    command: list[str], flag: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command, flag, *NO_CLUSTER]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "nowhere" not in told


def test_with_right_settings_the_cluster_is_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--nodes=1:5:web", *NO_CLUSTER]) == 2
    assert "/nowhere/kubeconfig" in capsys.readouterr().err
