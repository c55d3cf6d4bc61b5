"""No value passes Helm that the daemon then refuses, whatever it is: the pod would crash again and again."""

import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any, get_origin

import pytest
import yaml

from addons.cni.controller.assembly import minimum_of
from addons.cni.controller.network import mark_of, mtu_of
from addons.cni.controller.pool import policy_of
from addons.cni.model.enis import InstanceLimits
from addons.dns.desired.settings import source_settings
from addons.dns.model.registry import registry_of
from addons.dns.model.zones import domains_of, roles_of, zone_filter_of
from addons.iamproxy.controller.build import redirect_settings
from addons.iamproxy.server.routes import Routes
from addons.registry import config_of, prefixes_of
from addons.runtime.settings import Setting, SettingError, load
from docs.generate_charts import chart_forms, chart_settings
from tests.support.charts import APPLICATIONS, CHARTS, Values, helm, render_files, values
from tests.support.drawn import Draw

EVERY_SETTING = [(chart, setting) for chart in APPLICATIONS for setting in chart_settings(chart)]
every_setting = pytest.mark.parametrize(
    ("chart", "setting"), EVERY_SETTING, ids=[f"{chart}-{setting.key}" for chart, setting in EVERY_SETTING]
)

KEY = "0123456789abcdef0123456789abcdef"
ROLE = "arn:aws:iam::123456789012:role"
TEXTS = [
    *("", " ", "a", "A b", "a,b", "a=b", 'say "a"', "null", "0", "-1", "ü", "日本", "…", "a\nb", "\t", "%"),
    *("*", "-", "0s", "1m", "-1m", "1", "1d", "1h30m", "1.5.5s", "soon", "99999999999h", "1e3s", ".5s"),
    *("5 m", "1µs", "360m", "10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/33", "10.0.0", "10.0.0.0.0/8"),
    *("010.0.0.0/8", "::/0", "fd00::1/8", "1::2::3", "fd00::/129", "12345::/16", "1:2:3:4:5:6:7:8/128"),
    *("1:2:3:4:5:6:7::", "::1:2:3:4:5:6:7", "10.0.0.0/", "169.254.169.254", "256.1.1.1", "localhost"),
    *("localhost:80", ":80", "0.0.0.0:99999", "[::1]:80", "fe80::1%eth0", f"{ROLE}/web", f"{ROLE}/"),
    *(ROLE, f"{ROLE}/a//b", "arn:aws:iam::1:role/web", f" {ROLE}/web", f"{ROLE}/team/web"),
    *("arn:aws-cn:iam::123456789012:role/web", "arn:aws:s3:::bucket", f"{ROLE}/{'a' * 65}"),
    *(f"{ROLE}/{'a/' * 260}b", "team/web", "/web", "web/", "web*", "123456789012", "12345678901"),
    *("a.example.org/role", "a/b/c", "role key", "a in (b,c)", "a in b", "a notin (b)", "!a", "a==b"),
    *("a!=b,c", "a,", "a=b=c", "a in ()", "!", "x y", "a = b , !c", "example.org", ".example.org"),
    *("*.example.org", "a..b", "-a.org", "a-.org", "example.org.", "b.org/", "_a.b.org"),
    *("bücher.example.org", "BÜCHER.org", "xn--bcher-kva.org", "a" * 64 + ".org"),
    *(".".join(["a" * 60] * 5), "ab--ü.org", "(", ")", "[a-", "[z-a]", "a{2", "a**", "(?i)a", "a(?i)b"),
    *("(?P<n>a)", "(?<n>a)", "(?=a)", "\\d+[.]org$", "\\p{L}", "\\z", "\\Qa\\E", "^*", "$+"),
    *("[[:alpha:]]", "x{1001}", "x{2,1}", "\\1", "(a)\\1", "[\\d-z]", "a|b|", "(a|b)*$", "a+?b"),
    *("{{.Name}}", "{{.Name}}.a.org", "{{", "}}", "{{.Nope}}", "{{end}}", "{{if .Name}}a{{end}}"),
    *("{{ upper .Name }}", "{{ toLower .Name }}", '{{ index .Labels "a" }}'),
    *("{{ range .Labels }}a{{ end }}", "{{/* a */}}", "{{ $x := 1 }}", "https://sts.amazonaws.com"),
    *("ftp://a", "http://", "http://a b", "http://a:b", "http://[::1]:80/x", "http://a_b"),
    *("eu-central-1", "EU-CENTRAL-1", "eu central", "-eu", "eu-", "kube-system", "Kube", "a" * 64, "a.b"),
    *("{namespace}.{role}", "{pod}", "{", "a b", "eth0", "eni+", "!eth0", "+", "a-name-of-17-chars"),
    *("eth/0", "/run/a.sock", "run/a.sock", "ami-id", "user-data", "iam/info", "placement/region"),
    *("info", "sync", "json", "A"),
]
"""Texts of which each is right for some setting, and most are wrong for most."""

NUMBERS: list[Any] = [
    0,
    1,
    -1,
    25,
    80,
    100,
    101,
    1000,
    65535,
    65536,
    10**7,
    10**16,
    10**21,
    0.5,
    -0.5,
    1e-9,
    1e300,
    2.0,
]
OTHERS: list[Any] = [True, False, None, [], {}, [[]], [None], {"a": 1}, {"a": None}, "true", "1"]

GOOD: dict[str, list[Any]] = {
    "annotationFilter": ["team in (a, b),!internal", "a=b"],
    "annotationPrefix": [["dns.example.org/"]],
    "additionalEniTags": [{"team": "network"}, {}],
    "adminNetworks": [["10.0.0.0/16", "fd00::/8"]],
    "allowedAccounts": [["210987654321"]],
    "appPort": [1, 65535],
    "assumeRoleArn": [f"{ROLE}/team/web"],
    "awsAssumeRole": [f"{ROLE}/dns", "arn:aws-us-gov:iam::123456789012:role/a+b=c,d.e@f-g"],
    "awsEndpointUrl": ["http://localhost:4566", "https://vpce-1.sts.eu-central-1.vpce.amazonaws.com/"],
    "awsRate": [0.1, 5],
    "awsRegion": ["us-gov-west-1", "eu-central-1"],
    "awsZoneRole": [{"/hostedzone/Z1": f"{ROLE}/dns"}],
    "awsZoneTags": [["team", "team=web"]],
    "baseRoleArn": [ROLE, f"{ROLE}/", f"{ROLE}/pods/"],
    "defaultRole": ["web", "/web", "team/web", f"{ROLE}/web"],
    "chainedPlugins": [["portmap", "bandwidth"], ["none"], []],
    "connmark": ["0x80", "0x80000000", "128", "0"],
    "coresTotal": ["0:320000", "8:8"],
    "deleteBudget": [0, 100],
    "domainFilter": [["example.org", ".example.org", "bücher.example.org", "EXAMPLE.org."]],
    "excludeSnatCidrs": [["10.0.0.0/8", "192.0.2.1/32"]],
    "excludeTargetNet": [["10.0.0.1/8", "fd00::1/8"]],
    "fqdnTemplate": [
        "{{.Name}}.a.org,{{.Namespace}}.a.org",
        '{{if hasKey .Labels "a"}}{{index .Labels "a"}}{{end}}',
    ],
    "hostInterface": [["eni+", "!eth0"]],
    "iamRoleSessionTtl": ["5m", "6h", "1h30m", "3600s"],
    "interval": ["0", "90s", "1h30m", "1.5s", "100ms"],
    "labelFilter": ["app.kubernetes.io/name=web,tier!=db"],
    "metadataAddr": ["169.254.169.253", "fd00:ec2::254"],
    "metadataAllow": [["instance-type", "placement/region"], []],
    "namespace": ["kube-system"],
    "nodeGroupAutoDiscovery": [["asg:tag=k8s.io/cluster-autoscaler/enabled,team=web", "asg:tag=other="]],
    "nodes": [["0:10:web", "1:1:a name: with a colon"]],
    "podSourceDomain": ["pods.example.org"],
    "regexDomainFilter": ["(?i)^[a-z0-9-]+\\.(a|b)\\.org$", "example[.]org$", "\\d{1,3}x?"],
    "sessionName": ["{namespace}.{service-account}@{node}"],
    "subnetReserve": ["5%", "16", "0", "2.5%"],
    "targetNetFilter": [["192.0.2.0/24", "2001:db8::/32"]],
    "txtOwnerId": ["my-cluster", "default/prod"],
    "vethPrefix": ["eni", "a", "cali"],
    "warmIpTarget": [0, 5],
}


WRONG: list[tuple[str, str, Any]] = [
    ("autoscaler", "clusterName", ""),
    ("autoscaler", "coresTotal", "8"),
    ("autoscaler", "coresTotal", "8:4"),
    ("autoscaler", "expander", ["cheapest"]),
    ("autoscaler", "maxDrainParallelism", 0),
    ("autoscaler", "maxTotalUnreadyPercentage", 101),
    ("autoscaler", "memoryTotal", "4:"),
    ("autoscaler", "nodeGroupAutoDiscovery", ["k8s.io/cluster-autoscaler/enabled"]),
    ("autoscaler", "nodeGroupAutoDiscovery", ["asg:tag="]),
    ("autoscaler", "nodes", ["web"]),
    ("autoscaler", "nodes", ["5:1:web"]),
    ("autoscaler", "podNamespaces", ["Shop"]),
    ("autoscaler", "podSelector", "a in ("),
    ("autoscaler", "scaleDownUnneededTime", "soon"),
    ("autoscaler", "scaleDownUtilizationThreshold", 1.5),
    ("cni", "backingStore", "ipam.json"),
    ("cni", "clusterName", ""),
    ("cni", "cniVersion", "0.3.1"),
    ("cni", "connmark", "0x180000000"),
    ("cni", "connmark", "0128"),
    ("cni", "eniMtu", 100),
    ("cni", "excludeSnatCidrs", ["10.0.0.1/8"]),
    ("cni", "excludeSnatCidrs", ["fd00::/8"]),
    ("cni", "externalsnat", "yes"),
    ("cni", "headroom", 65),
    ("cni", "idleRelease", "soon"),
    ("cni", "ipCooldownPeriod", -1),
    ("cni", "socket", "/run/cni.sock"),
    ("cni", "stateDir", "/run/aws-addons/"),
    ("cni", "subnetReserve", "5 %"),
    ("cni", "vethPrefix", "eth"),
    ("cni", "vethPrefix", "prefix"),
    ("cni", "warmEniTarget", -1),
    ("dns", "annotationFilter", "a=b="),
    ("dns", "annotationPrefix", ["dns.example.org"]),
    ("dns", "awsAssumeRole", "arn:aws:iam::1:role/dns"),
    ("dns", "awsBatchChangeSize", 0),
    ("dns", "awsEndpointUrl", "localhost:4566"),
    ("dns", "awsRate", 0),
    ("dns", "awsRegion", "eu central"),
    ("dns", "awsZoneRole", {"Z1": "dns"}),
    ("dns", "awsZoneType", "hidden"),
    ("dns", "deleteBudget", 101),
    ("dns", "domainFilter", ["a b"]),
    ("dns", "excludeDomains", ["a..b"]),
    ("dns", "excludeTargetNet", ["10.0.0.0/33"]),
    ("dns", "gatewayLabelFilter", "a in b"),
    ("dns", "interval", "soon"),
    ("dns", "labelFilter", "a in ("),
    ("dns", "managedRecordTypes", ["SPF"]),
    ("dns", "minTtl", "-1m"),
    ("dns", "namespace", "Shop"),
    ("dns", "podRecordHold", "99999999999h"),
    ("dns", "podSourceDomain", "-a.org"),
    ("dns", "regexDomainFilter", "("),
    ("dns", "regexDomainExclusion", "[z-a]"),
    ("dns", "targetNetFilter", ["10.0.0"]),
    ("dns", "txtOwnerId", "a,b"),
    ("iamproxy", "adminNetworks", ["10.0.0.0/40"]),
    ("iamproxy", "allowedAccounts", ["1234"]),
    ("iamproxy", "appPort", 0),
    ("iamproxy", "appPort", 65536),
    ("iamproxy", "assumeRoleArn", f"{ROLE}/"),
    ("iamproxy", "baseRoleArn", "arn:aws:s3::123456789012:role/"),
    ("iamproxy", "cniSocket", "run/cni.sock"),
    ("iamproxy", "defaultRole", "team//web"),
    ("iamproxy", "hostInterface", ["a-name-of-17-chars"]),
    ("iamproxy", "iamRoleKey", "my key"),
    ("iamproxy", "metadataAddr", "localhost"),
    ("iamproxy", "metadataAllow", ["user-data"]),
    ("iamproxy", "namespaceKey", ""),
    ("iamproxy", "sessionName", "{pod}"),
    ("iamproxy", "stsRate", -1),
]
"""A typical wrong value for everything that has a form."""


def texts_of(chart: str, given: Values) -> str | None:
    """The settings file of a chart for values; None when Helm refuses them."""
    try:
        rendered = render_files(given, CHARTS / chart)
    except (helm.HelmValuesError, helm.HelmRenderError):
        return None
    (manifest,) = yaml.load_all(rendered[f"{chart}/templates/configmap.yaml"], yaml.CSafeLoader)
    return str(manifest["data"]["config.yaml"])


def start(chart: str, text: str, folder: Path) -> Any:
    """Read settings as the daemon does when it starts; raises SettingError where it would end with 2."""
    (folder / "config.yaml").write_text(text)
    config = load(
        config_of(chart),
        [f"--config={folder / 'config.yaml'}"],
        _ENVIRONMENT[chart],
        env_prefixes=prefixes_of(chart),
    )
    _BUILD[chart](config)
    return config


def build_dns(config: Any) -> None:
    domains = domains_of(config)
    registry_of(config)
    source_settings(config, domains)
    zone_filter_of(config, domains)
    roles_of(config)


def build_iamproxy(config: Any) -> None:
    Routes(config.metadata_allow, identity=config.instance_identity == "made")
    redirect_settings(config)


def build_cni(config: Any) -> None:
    assert policy_of(config, InstanceLimits(3, 10))
    assert all(map(IPv4Network, config.exclude_snat_cidrs))
    assert 0 <= mark_of(config) < 1 << 32
    assert mtu_of(config)
    minimum_of(config)


def build_albingress(config: Any) -> None:
    assert config.cluster_name


def build_autoscaler(config: Any) -> None:
    assert config.cluster_name
    assert config.nodes or config.node_group_auto_discovery
    for limits in (config.cores_total, config.memory_total, *config.nodes):
        least, most, *_ = limits.split(":")
        assert int(least) <= int(most)


_BUILD = {
    "albingress": build_albingress,
    "autoscaler": build_autoscaler,
    "cni": build_cni,
    "dns": build_dns,
    "iamproxy": build_iamproxy,
}
_ENVIRONMENT: dict[str, dict[str, str]] = {
    "albingress": {},
    "autoscaler": {},
    "cni": {"ADDONS_CNI_NODE": "n"},
    "dns": {"ADDONS_DNS_TXT_ENCRYPT_AES_KEY": KEY},
    "iamproxy": {"ADDONS_IAMPROXY_NODE": "n"},
}


def candidates(setting: Setting) -> list[Any]:
    """Values for one setting: of its own kind in all forms, and of others."""
    match get_origin(setting.type):
        case origin if origin is tuple:
            return [*([text] for text in TEXTS), ["example.org", "10.0.0.0/8"], *OTHERS, "a"]
        case origin if origin is dict:
            return [*({"Z1": text} for text in TEXTS), {"": "a"}, *OTHERS, "a"]
    if setting.type in (int, float):
        return [*NUMBERS, *OTHERS, "5"]
    return [*TEXTS, *NUMBERS[:3], *OTHERS]


def with_key(chart: str, config: Values) -> Values:
    """Values with settings, and what a setting needs besides."""
    besides: Values = {
        "extraVolumeMounts": [{"name": "a", "mountPath": "/a"}],
        "extraEnvFrom": [{"secretRef": {}}],
    }
    return values(besides, {"config": config}, chart=chart)


@every_setting
def test_what_passes_helm_the_daemon_accepts(
    chart: str, setting: Setting, tmp_path: Path, draw: Draw
) -> None:
    every = candidates(setting)
    for value in draw.some(every, 10):
        text = texts_of(chart, with_key(chart, {setting.key: value}))
        if text is not None:
            try:
                start(chart, text, tmp_path)
            except SettingError as error:
                pytest.fail(f"{setting.key}: {value!r} passes Helm, and then: {error}")


FORMS = [(chart, key, form["words"]) for chart in APPLICATIONS for key, form in chart_forms(chart).items()]


@pytest.mark.parametrize(("chart", "key", "words"), FORMS, ids=[f"{chart}-{key}" for chart, key, _ in FORMS])
def test_a_text_of_another_form_is_refused_in_the_words_of_the_form(chart: str, key: str, words: str) -> None:
    (setting,) = (setting for setting in chart_settings(chart) if setting.key == key)
    text = "(?P<n>a)\n"
    value = {tuple: [text], dict: {"Z1": text}}.get(get_origin(setting.type), text)
    complaint = re.escape(f'config.{key}: "(?P<n>a)\\n" is not {words}')
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render_files(with_key(chart, {key: value}), CHARTS / chart)


@pytest.mark.parametrize(
    ("chart", "key", "value"),
    [(chart, setting.key, value) for chart, setting in EVERY_SETTING for value in GOOD.get(setting.key, [])],
)
def test_what_is_right_passes_both(chart: str, key: str, value: Any, tmp_path: Path) -> None:
    text = texts_of(chart, with_key(chart, {key: value}))
    assert text is not None
    assert start(chart, text, tmp_path)


@pytest.mark.parametrize(("chart", "key", "value"), WRONG)
def test_what_is_wrong_is_refused_by_the_name_of_its_setting(chart: str, key: str, value: Any) -> None:
    with pytest.raises((helm.HelmValuesError, helm.HelmRenderError), match=key):
        render_files(with_key(chart, {key: value}), CHARTS / chart)
