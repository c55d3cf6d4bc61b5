"""The settings of iamproxy: flags of kube2iam, and what cannot be."""

from ipaddress import ip_network

import pytest

from addons.iamproxy.__main__ import run
from addons.iamproxy.config import ENV_PREFIXES, Config, base_arn
from addons.iamproxy.controller.build import redirect_settings
from addons.iamproxy.net.table import RedirectSettings
from addons.runtime.settings import SettingError, load

BASE = "arn:aws:iam::123456789012:role/"


def read(*flags: str, **environ: str) -> Config:
    return load(Config, flags, environ, env_prefixes=ENV_PREFIXES)


def test_the_flags_of_kube2iam_are_understood() -> None:
    config = read(
        "--base-role-arn=arn:aws:iam::123456789012:role/",
        "--auto-discover-base-arn",
        "--default-role=web",
        "--iam-role-key=example.com/role",
        "--iam-external-id=example.com/id",
        "--namespace-key=example.com/roles",
        "--namespace-restrictions",
        "--namespace-restriction-format=regexp",
        "--iam-role-session-ttl=15m",
        "--node=node-1",
        "--metadata-addr=169.254.169.254",
        "--app-port=8181",
    )
    assert (config.node, config.namespace_restriction_format) == ("node-1", "regexp")


def test_restrictions_are_on_unless_somebody_says_otherwise() -> None:
    assert read().namespace_restrictions
    assert not read("--no-namespace-restrictions").namespace_restrictions


def test_the_environment_counts() -> None:
    assert read(ADDONS_IAMPROXY_NODE="node-1").node == "node-1"


@pytest.mark.parametrize("written", ["arn:aws:iam::123456789012:role", "arn:aws:iam::123456789012:role/"])
def test_a_base_ends_in_one_slash(written: str) -> None:
    assert base_arn(read(f"--base-role-arn={written}")) == "arn:aws:iam::123456789012:role/"


@pytest.mark.parametrize(
    "flags",
    [
        ("--leader-elect",),
        ("--base-role-arn=web",),
        ("--base-role-arn=arn:aws:iam::1:role/",),
        ("--base-role-arn=arn:aws:iam::123456789012:role//",),
        ("--base-role-arn=arn:aws:s3::123456789012:role/",),
        ("--assume-role-arn=web",),
        ("--assume-role-arn=arn:aws:iam::123456789012:role/",),
        ("--assume-role-arn=arn:aws:iam::1:role/web",),
        ("--assume-role-arn= arn:aws:iam::123456789012:role/web",),
        ("--session-name={pod}",),
        ("--iam-role-session-ttl=1m",),
        ("--iam-role-session-ttl=12h",),
        ("--app-port=70000",),
        ("--app-port=8182",),
        ("--listen=:8181",),
        ("--listen=127.0.0.1:8181",),
        ("--app-port=9000", "--listen=[::1]:9000"),
        ("--listen=8182",),
        ("--interceptor=nft", "--app-port=0"),
        ("--instance-identity=node",),
        ("--sts-rate=0",),
        ("--admin-networks=10.0.0.1/16",),
        ("--allowed-accounts=1234",),
        ("--iam-role-key=my key",),
        ("--iam-external-id=a/b/c",),
        ("--namespace-key=",),
        ("--metadata-addr=localhost",),
        ("--host-interface=+",),
        ("--host-interface=!",),
        ("--host-interface=a-name-of-17-chars",),
        ("--credential-source=web-identity", "--session-tags"),
        ("--credential-source=web-identity", "--assume-role-arn=arn:aws:iam::123456789012:role/a"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_the_setting(flags: tuple[str, ...]) -> None:
    with pytest.raises(SettingError, match=flags[-1].partition("=")[0]):
        read(*flags)


def test_one_port_for_pods_and_the_page_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--node=node-1", f"--base-role-arn={BASE}", "--listen=:8181", "--app-port=8181"]) == 2
    told = "addons iamproxy: --app-port 8181: the port of --listen :8181; each needs its own\n"
    assert capsys.readouterr().err == told


def test_ports_that_the_kernel_chooses_are_two() -> None:
    config = read("--listen=:0", "--app-port=0", "--interceptor=none")
    assert (config.listen, config.app_port) == (":0", 0)


@pytest.mark.parametrize(
    "role",
    [
        *("my role", " web", "wéb", "web*", "web/", "team//web", "/", " ", "a" * 65, "p" * 513 + "/web"),
        *("ARN:aws:iam::123456789012:role/web", "arn:web", "arn:aws:iam::1:role/web"),
        *("arn:azure:iam::123456789012:role/web", "arn:aws:s3::123456789012:role/web"),
        *("arn:aws:iam::123456789012:user/web", BASE, BASE + "/web", BASE + "a" * 65),
    ],
)
def test_a_malformed_default_role_is_refused_at_the_start(
    role: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--node=node-1", f"--base-role-arn={BASE}", f"--default-role={role}"]) == 2
    assert capsys.readouterr().err.startswith("addons iamproxy: --default-role ")


@pytest.mark.parametrize(
    "role", ["web", "/web", "team/web", BASE + "web", "arn:aws-cn:iam::210987654321:role/w"]
)
def test_a_default_role_may_be_written_like_any_other(role: str) -> None:
    assert read(f"--base-role-arn={BASE}", f"--default-role={role}").default_role == role


def test_the_name_of_a_default_role_needs_a_base() -> None:
    assert read("--auto-discover-base-arn", "--default-role=web").default_role == "web"
    assert read(f"--default-role={BASE}web").default_role == f"{BASE}web"
    with pytest.raises(SettingError, match=r"--default-role .*--base-role-arn"):
        read("--default-role=web")


def test_the_redirect_is_as_the_settings_say() -> None:
    config = read(
        "--app-port=1", "--listen=:2", "--host-interface=eni+", "--admin-networks=10.0.0.0/16,fd00::/64"
    )
    assert redirect_settings(config) == RedirectSettings(
        port=1,
        admin_port=2,
        interfaces=("eni+",),
        admin_networks=(ip_network("10.0.0.0/16"), ip_network("fd00::/64")),
    )
