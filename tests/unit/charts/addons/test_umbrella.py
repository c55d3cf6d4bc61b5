"""The umbrella: each add-on is in it what it is alone, and all five go together."""

import json
import re
import shlex
import tarfile
from itertools import combinations, pairwise

import pytest
import yaml

from addons.registry import config_of
from docs.generate_charts import generate_umbrella, read_values
from tests.support import charts, umbrella
from tests.support.charts import (
    APPLICATIONS,
    CHARTS,
    CUSTOM,
    EVERY_CASE,
    NEWEST,
    OLDEST,
    Object,
    Values,
    cases,
    check_schema,
    helm,
    installed,
    only,
)
from tests.support.umbrella import SHARED, UMBRELLA, all_five, chosen, package, render

MINORS = [f"1.{minor}" for minor in range(int(OLDEST[2:]), int(NEWEST[2:]) + 1)]
MONITORED: Values = {
    "global": {
        "monitoring": {"enabled": True, "namespace": "monitoring", "labels": {"release": "p"}},
        "dashboards": {"enabled": True, "namespace": "monitoring", "labels": {"grafana": "yes"}},
    },
    "iamproxy": {"config": {"adminNetworks": ["10.0.0.0/8"]}},
}
every_chart = pytest.mark.parametrize("chart", APPLICATIONS)


def key(obj: Object) -> tuple[str, str, str, str]:
    """By what the API server tells an object from others."""
    metadata = obj["metadata"]
    return obj["apiVersion"], obj["kind"], metadata.get("namespace", ""), metadata["name"]


def by_key(objects: list[Object]) -> list[Object]:
    """Objects in an order that no path of a template has a say in."""
    return sorted(objects, key=key)


def metadata() -> Object:
    """The Chart.yaml of the umbrella."""
    found: Object = yaml.safe_load((CHARTS / UMBRELLA / "Chart.yaml").read_text())
    return found


class TestTogether:
    @pytest.mark.parametrize(("chart", "case"), EVERY_CASE)
    def test_every_add_on_renders_what_its_chart_renders_alone(self, chart: str, case: str) -> None:
        alone = charts.render(cases(chart)[case], CHARTS / chart)
        assert by_key(render(chosen(chart, case=case))) == by_key(alone)

    def test_what_is_shared_is_as_if_each_had_it(self) -> None:
        more = {"image": SHARED["image"], "serviceMonitor": {"enabled": True, "labels": {"release": "p"}}}
        more["serviceMonitor"] |= {"namespace": "monitoring"}
        more["prometheusRule"] = more["serviceMonitor"]
        more["dashboards"] = {"enabled": True, "namespace": "monitoring", "labels": {"grafana": "yes"}}
        alone: list[Object] = []
        for chart in APPLICATIONS:
            config: Values = {"awsRegion": "eu-west-1", "awsEndpointUrl": "http://aws:5000"}
            if "cluster_name" in config_of(chart).__struct_fields__:
                config["clusterName"] = SHARED["clusterName"]
            if chart == "iamproxy":
                config |= MONITORED["iamproxy"]["config"]
            given = charts.values(more, {"config": config}, chart=chart)
            alone += charts.render(given, CHARTS / chart)
        shared = {"global": {"region": "eu-west-1", "awsEndpointUrl": "http://aws:5000"}}
        assert by_key(render(all_five(MONITORED, shared))) == by_key(alone)

    def test_what_an_add_on_says_itself_wins(self) -> None:
        config = {"clusterName": "other", "awsRegion": "eu-north-1"}
        shared = {"global": {"region": "eu-west-1"}, "cni": {"config": config, "image": {"tag": "v9"}}}
        objects = render(all_five(shared))
        (settings,) = [obj for obj in objects if key(obj)[1::2] == ("ConfigMap", "aws-cni")]
        read = yaml.safe_load(settings["data"]["config.yaml"])
        assert (read["clusterName"], read["awsRegion"]) == ("other", "eu-north-1")
        images = {
            obj["metadata"]["name"]: obj["spec"]["template"]["spec"]["containers"][0]["image"]
            for obj in objects
            if obj["kind"] in ("DaemonSet", "Deployment")
        }
        assert (images["aws-cni"], images["aws-dns"]) == ("r/addons:v9", "r/addons:0.1.0")

    @pytest.mark.parametrize("more", [{}, MONITORED], ids=["default", "monitored"])
    @pytest.mark.parametrize("name", ["aws", "addons", "x" * 53])
    def test_no_two_objects_have_one_name(self, more: Values, name: str) -> None:
        keys = [key(obj) for obj in render(all_five(more), name=name)]
        assert len({each[1] for each in keys}) > 10
        assert len(set(keys)) == len(keys)

    def test_no_selector_finds_pods_of_another_add_on(self) -> None:
        workloads = [obj for obj in render(all_five()) if obj["kind"] in ("DaemonSet", "Deployment")]
        assert len(workloads) == len(APPLICATIONS) + 2, "those of the webhooks as well"
        for one, other in combinations(workloads, 2):
            for selecting, template in ((one, other["spec"]["template"]), (other, one["spec"]["template"])):
                wanted = selecting["spec"]["selector"]["matchLabels"]
                assert not wanted.items() <= template["metadata"]["labels"].items()

    def test_no_two_daemons_of_a_node_listen_at_one_port(self) -> None:
        objects = render(all_five())
        ports = []
        for chart in APPLICATIONS:
            mine = [obj for obj in objects if obj["metadata"]["labels"]["app.kubernetes.io/name"] == chart]
            if charts.pod_of(mine).get("hostNetwork"):
                settings = yaml.safe_load(only(mine, "ConfigMap")["data"]["config.yaml"])
                app = settings.get("appPort") if chart == "iamproxy" else None
                ports += [str(settings["listen"]).rpartition(":")[2], *([str(app)] if app else [])]
        assert len(ports) == 3
        assert len(set(ports)) == len(ports)

    @pytest.mark.parametrize("minor", MINORS)
    def test_every_object_is_known_to_every_minor(self, minor: str) -> None:
        objects = [obj for obj in render(all_five(MONITORED)) if obj["kind"] not in CUSTOM]
        assert len(objects) > 40
        for obj in objects:
            check_schema(obj, minor)

    def test_any_namespace_serves_all(self) -> None:
        others = {
            obj["metadata"]["name"]
            for obj in render(all_five(), namespace="elsewhere")
            if obj["metadata"].get("namespace", "elsewhere") != "elsewhere"
        }
        assert others == {f"elsewhere:aws-{chart}-original" for chart in ("albingress", "autoscaler")}, (
            "they read the Leases of the originals"
        )

    def test_equal_values_render_equal_bytes(self) -> None:
        given = all_five(MONITORED)
        assert umbrella.render_files(given) == umbrella.render_files(all_five(MONITORED))

    @every_chart
    def test_without_the_others_each_can_be_had(self, chart: str) -> None:
        names = {
            obj["metadata"]["labels"]["app.kubernetes.io/component"]
            for obj in installed(render(chosen(chart)))
        }
        assert names == {chart}


class TestPackage:
    def test_lint_has_nothing_to_say(self) -> None:
        for minor in MINORS:
            given = all_five(MONITORED)
            report = helm.lint(package(), given, strict=True, kube_version=f"v{minor}.0")
            assert (report["messages"], report["errors"]) == ([], [])

    def test_it_has_the_five_charts_and_is_of_their_version(self) -> None:
        dns = yaml.safe_load((CHARTS / "dns" / "Chart.yaml").read_text())
        about = metadata()
        assert [about[each] for each in ("appVersion", "kubeVersion")] == [
            dns["appVersion"],
            dns["kubeVersion"],
        ]
        assert {each["name"]: each["condition"] for each in about["dependencies"]} == {
            chart: f"{chart}.enabled" for chart in APPLICATIONS
        }
        for each in about["dependencies"]:
            chart = yaml.safe_load((CHARTS / each["name"] / "Chart.yaml").read_text())
            assert (each["version"], each["repository"]) == (chart["version"], f"file://../{each['name']}")

    def test_it_is_small_and_holds_no_test_values(self) -> None:
        with tarfile.open(package()) as archive:
            names = [name.removeprefix(f"{UMBRELLA}/") for name in archive.getnames()]
        assert [name for name in names if name.startswith("ci") or "/ci/" in name] == []
        definitions = [name for name in names if "/crds/" in name]
        assert len(definitions) == 3
        assert package().stat().st_size < 256 * 1024, "a release is kept in a Secret, which holds 1 MiB"

    def test_what_is_generated_is_fresh(self) -> None:
        for path, text in generate_umbrella().items():
            assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"

    def test_every_value_has_words(self) -> None:
        text = (CHARTS / UMBRELLA / "values.yaml").read_text()
        described = {value.path for value in read_values(text) if value.doc}
        assert len(described) > 12
        assert [path for path in leaves(yaml.safe_load(text)) if path not in described] == []

    def test_nothing_is_chosen_from_the_start(self) -> None:
        given = yaml.safe_load((CHARTS / UMBRELLA / "values.yaml").read_text())
        assert [given[chart] for chart in APPLICATIONS] == [{"enabled": False}] * 5

    def test_the_command_in_the_readme_installs_dns(self) -> None:
        text = (CHARTS / UMBRELLA / "README.md").read_text()
        words = shlex.split(text[text.index("helm install addons charts/addons") :].partition("```")[0])
        given = ",".join(word for flag, word in pairwise(words) if flag == "--set")
        account = only(installed(render(helm.parse_set_string(given))), "ServiceAccount")
        assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "ROLE"}


def leaves(values: Values, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all values that are no map of others."""
    found: list[tuple[str, ...]] = []
    for name, value in values.items():
        below = isinstance(value, dict) and value
        found += leaves(value, (*path, name)) if below else [(*path, name)]
    return found


def notes(given: Values) -> str:
    """What Helm prints after an install."""
    return umbrella.render_files(given)[f"{UMBRELLA}/templates/NOTES.txt"]


class TestNotes:
    def test_they_name_what_is_there_how_it_is_looked_at_and_which_roles_it_has(self) -> None:
        role = {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:role/a"}}}
        taken = {"takeOver": {"enabled": True}}
        text = notes(all_five({"dns": role, "cni": {**role, **taken}}))
        for workload in ("deployment/aws-dns", "daemonset/aws-node", "daemonset/aws-iamproxy"):
            assert f"kubectl -n kube-system rollout status {workload}\n" in text
        assert re.search(r"^  dns +arn:role/a$", text, re.MULTILINE)
        assert "albingress has no role of its own yet: " in text
        assert "dns has no role of its own yet" not in text
        assert "Not installed" not in text

    def test_they_name_what_is_not_there(self) -> None:
        text = notes(chosen("dns"))
        assert "Not installed: cni (cni.enabled).\n" in text
        assert "CREDENTIALS OF ITS NODE" not in text

    @every_chart
    def test_their_commands_name_workloads_that_exist(self, chart: str) -> None:
        objects = render(all_five())
        for line in notes(all_five()).splitlines():
            if "rollout status" in line:
                kind, _, name = line.rpartition(" ")[2].partition("/")
                assert [o for o in objects if o["kind"].lower() == kind and o["metadata"]["name"] == name]
        assert f"/aws-{chart}\n" in notes(all_five())

    def test_the_notes_of_each_add_on_have_its_policy_for_this_cluster(self) -> None:
        files = umbrella.render_files(all_five())
        text = files[f"{UMBRELLA}/charts/cni/templates/NOTES.txt"]
        policy = json.loads(text[text.index("  {") : text.rindex("}") + 1])
        assert '"prod"' in json.dumps(policy)


def test_the_path_of_the_guard_is_rendered_before_all_others() -> None:
    with pytest.raises(helm.HelmRenderError, match=r"global\.imag is no value of this chart: global\.image"):
        render({"global": {"imag": {}}, "dns": {"enabled": True}})
