"""What annotations ask for: a value, nothing, or something that cannot be used now."""

from typing import Any

import pytest
from msgspec import Struct

from addons.albingress.desired import annotations
from addons.albingress.desired.annotation_values import Unreadable, json_of
from addons.albingress.desired.asked import Asked, Invalid, Setting
from addons.albingress.desired.listen_ports import ClientVerification, ListenPort
from tests.support.alb_groups import ingress


def asked(setting: Setting[Any], text: str) -> Asked[Any]:
    return setting.asked_by(ingress("web", {setting.key: text}))


def fault(setting: Setting[Any], text: str) -> str:
    found = asked(setting, text)
    assert isinstance(found, Invalid)
    return found.fault


class Action(Struct, rename="camel"):
    status_code: str = ""
    targets: tuple["Target", ...] = ()
    extra: dict[str, str] = {}


class Target(Struct, rename="camel"):
    service_port: int | str = 0


class TestStates:
    """Asked for, not asked for, and not usable are three things."""

    def test_an_annotation_that_is_not_there_asks_for_nothing(self) -> None:
        assert annotations.SCHEME.asked_by(ingress()) is None

    def test_one_that_is_there_asks_for_its_value(self) -> None:
        assert asked(annotations.SCHEME, " internal ") == "internal"

    def test_one_that_cannot_be_read_names_the_object_itself_and_what_is_allowed(self) -> None:
        found = asked(annotations.SCHEME, "public")
        assert isinstance(found, Invalid)
        (problem,) = found.problems
        assert (str(problem.ref), problem.message) == (
            "ingress/shop/web",
            "annotation alb.ingress.kubernetes.io/scheme: 'public' is not internal or internet-facing",
        )

    @pytest.mark.parametrize("setting", [annotations.SUBNETS, annotations.TAGS, annotations.CERTIFICATE_ARN])
    def test_an_empty_list_asks_for_nothing(self, setting: Setting[Any]) -> None:
        assert asked(setting, " , ") is None

    @pytest.mark.parametrize("setting", [annotations.INBOUND_CIDRS, annotations.PREFIX_LISTS])
    def test_but_sources_that_name_nobody_are_a_fault_and_do_not_let_everybody_in(
        self, setting: Setting[Any]
    ) -> None:
        assert fault(setting, " ") == "names nothing"

    def test_of_several_objects_the_first_that_has_the_annotation_counts(self) -> None:
        first, second = ingress("a", {"target-type": "ip"}), ingress("b", {"target-type": "instance"})
        assert annotations.TARGET_TYPE.asked_by(ingress(), first, second) == "ip"

    def test_a_fault_in_the_first_is_not_hidden_by_the_second(self) -> None:
        first, second = ingress("a", {"target-type": "x"}), ingress("b", {"target-type": "ip"})
        assert isinstance(annotations.TARGET_TYPE.asked_by(first, second), Invalid)


class TestValues:
    """Lists, maps, numbers, ports and JSON, as the original reads them."""

    def test_lists_are_cut_at_commas_and_trimmed(self) -> None:
        assert asked(annotations.SUBNETS, "subnet-b , ,subnet-a") == ("subnet-b", "subnet-a")

    def test_maps_may_have_escaped_commas_and_signs_of_equality_in_their_values(self) -> None:
        assert asked(annotations.TAGS, r"b=x\,y, a=1=2 ,") == (("a", "1=2"), ("b", "x,y"))

    def test_a_map_without_equals_is_a_fault(self) -> None:
        assert fault(annotations.TAGS, "team") == "'team' is not key=value"

    @pytest.mark.parametrize("text", ["first", "1.5", "1001", "-1001", "", "\uff11"])
    def test_an_order_is_a_whole_number_within_a_thousand(self, text: str) -> None:
        assert fault(annotations.GROUP_ORDER, text) == f"{text!r} is not a whole number from -1000 to 1000"

    def test_flags_are_written_as_go_writes_them(self) -> None:
        assert [asked(annotations.MANAGE_BACKEND_RULES, text) for text in ("T", "false")] == [True, False]
        assert fault(annotations.MANAGE_BACKEND_RULES, "yes") == "'yes' is not true or false"

    @pytest.mark.parametrize("name", ["Team", "-team", "a" * 64, "te_am", ""])
    def test_names_of_groups_that_are_refused(self, name: str) -> None:
        assert fault(annotations.GROUP_NAME, name)

    def test_networks_are_put_into_the_form_of_aws(self) -> None:
        assert asked(annotations.INBOUND_CIDRS, "10.0.0.9/8,FD00::/8") == ("10.0.0.0/8", "fd00::/8")

    @pytest.mark.parametrize("text", ["10.0.0.1", "10.0.0.0/33", "10.0.0.0/8,everybody"])
    def test_one_faulty_network_is_a_fault_of_all(self, text: str) -> None:
        assert "is not a network such as 10.0.0.0/8" in fault(annotations.INBOUND_CIDRS, text)

    def test_listen_ports(self) -> None:
        found = asked(annotations.LISTEN_PORTS, '[{"HTTPS": 443}, {"HTTP": 80}, {"HTTP": 80}]')
        assert found == (ListenPort(80, "HTTP"), ListenPort(443, "HTTPS"))

    @pytest.mark.parametrize(
        "text",
        [
            "80",
            "[]",
            "[{}]",
            '[{"HTTP": "80"}]',
            '[{"HTTP": 0}]',
            '[{"HTTP": 65536}]',
            '[{"http": 80}]',
            '[{"HTTP": 80}, {"HTTPS": 80}]',
            "[" * 5000,
            "[{",
            "\ud800",
        ],
    )
    def test_listen_ports_that_cannot_be_read(self, text: str) -> None:
        assert fault(annotations.LISTEN_PORTS, text)

    def test_verification_of_clients(self) -> None:
        text = '[{"port": 443, "mode": "passthrough"}, {"port": 8443, "mode": "off"}]'
        assert asked(annotations.MUTUAL_AUTHENTICATION, text) == (
            ClientVerification(port=443, settings=(("Mode", "passthrough"),)),
            ClientVerification(port=8443, settings=()),
        )

    @pytest.mark.parametrize(
        "entry",
        [
            '{"port": 443, "mode": "on"}',
            '{"port": 443, "mode": "verify"}',
            '{"port": 443, "mode": "off", "trustStore": "arn:x"}',
            '{"port": 443}',
        ],
    )
    def test_verification_of_clients_that_cannot_be_read(self, entry: str) -> None:
        assert fault(annotations.MUTUAL_AUTHENTICATION, f"[{entry}]")


class TestJson:
    """Names of fields are found in any case, as in the original; nothing else is forgiven."""

    def test_fields_in_any_case(self) -> None:
        text = '{"StatusCode": "200", "TARGETS": [{"serviceport": 80}], "extra": {"StatusCode": "x"}}'
        expected = Action(status_code="200", targets=(Target(service_port=80),), extra={"StatusCode": "x"})
        assert json_of(Action)(text) == expected

    def test_null_and_unknown_fields_are_left_out(self) -> None:
        assert json_of(Action)('{"statusCode": null, "targets": [null], "x": 1}') == Action()

    def test_a_number_where_a_text_is_meant_is_a_fault_that_says_where(self) -> None:
        with pytest.raises(Unreadable, match="statusCode: expected a text, got a whole number"):
            json_of(Action)('{"statusCode": 200}')
