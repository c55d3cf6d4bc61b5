"""Whose an Ingress is, by its class, and the settings of classes."""

from typing import Any

import pytest

from addons.albingress.desired import class_params as fields
from addons.albingress.desired.asked import Invalid
from addons.albingress.desired.class_params import Field, ListenerSettings, SubnetSelector
from addons.albingress.desired.classes import ClassObjects, Doubtful, NotOurs, Ours, classify
from addons.albingress.model.objects import Ingress
from tests.support.alb_groups import class_params, config, ingress, ingress_class, objects

HELD = ("ingress.k8s.aws/resources",)
OTHER = ingress_class("nginx", controller="k8s.io/ingress-nginx")


def kind(one: Ingress, found: ClassObjects, **settings: Any) -> type:
    return type(classify(one, found, config(**settings)))


def doubt(one: Ingress, found: ClassObjects, **settings: Any) -> str:
    result = classify(one, found, config(**settings))
    assert isinstance(result, Doubtful), result
    assert (result.problem.ref.name, result.problem.reason) == (one.metadata.name, "InvalidIngressClass")
    return result.problem.message


class TestByAnnotation:
    """The older annotation wins over the field."""

    def test_the_class_alb_is_ours_without_any_object(self) -> None:
        assert classify(ingress(class_name="", class_annotation="alb"), objects(), config()) == Ours()

    def test_another_one_is_not_whatever_the_field_says(self) -> None:
        assert kind(ingress(class_annotation="nginx"), objects(ingress_class())) is NotOurs

    def test_the_setting_says_which(self) -> None:
        assert kind(ingress(class_annotation="mine"), objects(), ingress_class="mine") is Ours
        assert kind(ingress(class_annotation="alb"), objects(), ingress_class="mine") is NotOurs
        assert kind(ingress(class_annotation="alb"), objects(), ingress_class="") is Ours
        assert kind(ingress(class_annotation=""), objects(), ingress_class="") is Ours
        assert kind(ingress(class_annotation=""), objects()) is NotOurs

    def test_new_ones_can_be_forbidden_and_those_that_are_served_stay(self) -> None:
        new, old = ingress(class_annotation="alb"), ingress(class_annotation="alb", finalizers=HELD)
        assert "use spec.ingressClassName" in doubt(new, objects(), disable_ingress_class_annotation=True)
        assert kind(old, objects(), disable_ingress_class_annotation=True) is Ours


class TestByName:
    """`spec.ingressClassName` leads to a class, and that to a controller and settings."""

    def test_a_class_of_our_controller(self) -> None:
        assert classify(ingress(), objects(ingress_class()), config()) == Ours()

    def test_a_class_of_another_controller(self) -> None:
        assert kind(ingress(class_name="nginx"), objects(OTHER)) is NotOurs

    def test_settings_come_with_it(self) -> None:
        params = class_params({})
        found = classify(ingress(), objects(ingress_class(params="public"), params), config())
        assert found == Ours(params)

    @pytest.mark.parametrize(
        "one",
        [
            ingress(class_name="mine", finalizers=HELD),
            ingress(class_name="mine", said={"scheme": "internal"}),
            ingress(class_name="alb"),
        ],
        ids=["was served", "has an annotation of ours", "names the class alb"],
    )
    def test_a_class_that_is_missing_leaves_a_doubt_where_it_may_be_ours(self, one: Ingress) -> None:
        assert "does not exist; make it" in doubt(one, objects())

    def test_a_class_that_is_missing_is_otherwise_none_of_our_business(self) -> None:
        assert kind(ingress(class_name="nginx"), objects()) is NotOurs

    def test_settings_that_are_missing(self) -> None:
        assert doubt(ingress(), objects(ingress_class(params="public"))) == (
            "ingressclassparams/public, which ingressclass/alb names, does not exist; make it"
        )

    def test_settings_of_another_kind(self) -> None:
        assert "of the kind 'ConfigMap'" in doubt(
            ingress(), objects(ingress_class(params="x", kind="ConfigMap"))
        )

    def test_settings_for_other_namespaces(self) -> None:
        selector = {"namespaceSelector": {"matchLabels": {"team": "shop"}}}
        found = ingress_class(params="public"), class_params(selector)
        assert "does not select namespace/shop; label the namespace" in doubt(ingress(), objects(*found))
        assert kind(ingress(), objects(*found, labels={"team": "shop"})) is Ours

    def test_a_namespace_that_is_not_known_yet(self) -> None:
        selector = {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}
        found = objects(ingress_class(params="public"), class_params(selector))
        assert "is not known" in doubt(ingress(), ClassObjects(classes=found.classes, params=found.params))

    @pytest.mark.parametrize(
        "spec",
        [
            5,
            "text",
            {"namespaceSelector": "all"},
            {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Has"}]}},
            {"group": "team"},
            {"group": {"name": "Team!"}},
        ],
    )
    def test_settings_from_which_nobody_can_tell_the_group_or_the_namespaces(self, spec: Any) -> None:
        found = objects(ingress_class(params="public"), class_params(spec))
        assert "ingressclassparams/public cannot be used" in doubt(ingress(), found)


class TestByDefault:
    """An Ingress that names no class gets the default one."""

    def test_one_default(self) -> None:
        assert kind(ingress(class_name=""), objects(ingress_class(default=True))) is Ours

    def test_no_default(self) -> None:
        assert kind(ingress(class_name=""), objects(ingress_class())) is NotOurs

    def test_no_default_where_those_without_a_class_are_taken_too(self) -> None:
        assert kind(ingress(class_name=""), objects(ingress_class()), ingress_class="") is Ours

    def test_two_defaults_are_told_to_the_ingress_that_has_no_class(self) -> None:
        found = objects(ingress_class(default=True), ingress_class("second", default=True))
        assert "2 IngressClasses are the default (alb, second)" in doubt(ingress(class_name=""), found)

    def test_two_defaults_do_not_concern_one_with_a_class(self) -> None:
        found = objects(ingress_class(default=True), ingress_class("second", default=True))
        assert kind(ingress(), found) is Ours

    def test_two_defaults_of_others_are_not_ours_to_tell(self) -> None:
        found = [ingress_class(name, controller="x/y", default=True) for name in ("a", "b")]
        assert kind(ingress(class_name=""), objects(*found)) is NotOurs
        assert kind(ingress(class_name="", finalizers=HELD), objects(*found)) is Doubtful


class TestFields:
    """Each field of the settings is read on its own, whatever type it has."""

    @pytest.mark.parametrize(
        ("field", "name", "written", "value"),
        [
            (fields.SCHEME, "scheme", "internal", "internal"),
            (fields.SUBNETS, "subnets", {"ids": ["subnet-a"]}, SubnetSelector(ids=("subnet-a",))),
            (fields.SUBNETS, "subnets", {"tags": {"k": ["v"]}}, SubnetSelector(tags=(("k", ("v",)),))),
            (fields.INBOUND_CIDRS, "inboundCIDRs", ["10.1.0.0/8"], ("10.0.0.0/8",)),
            (fields.PREFIX_LISTS, "PrefixListsIDs", ["pl-1", "pl-2"], ("pl-1", "pl-2")),
            (fields.CERTIFICATE_ARN, "certificateArn", ["arn:x"], ("arn:x",)),
            (fields.SSL_REDIRECT, "sslRedirectPort", "443", 443),
            (fields.SSL_REDIRECT, "sslRedirectPort", 443, 443),
            (fields.TAGS, "tags", [{"key": "a", "value": "1"}], (("a", "1"),)),
            (
                fields.LISTENERS,
                "listeners",
                [{"protocol": "HTTP", "port": 80, "listenerAttributes": [{"key": "a", "value": "1"}]}],
                (ListenerSettings("HTTP-80", (("a", "1"),)),),
            ),
            (fields.TARGET_TYPE, "targetType", "ip", "ip"),
            (fields.SCHEME, "scheme", "", None),
            (fields.TAGS, "tags", [], None),
            (fields.TAGS, "tags", None, None),
        ],
    )
    def test_values(self, field: Field[Any], name: str, written: Any, value: Any) -> None:
        assert field.asked_by(class_params({name: written})) == value

    @pytest.mark.parametrize(
        ("field", "written"),
        [
            (fields.SCHEME, 5),
            (fields.SCHEME, "public"),
            (fields.SUBNETS, ["subnet-a"]),
            (fields.SUBNETS, {"ids": ["a"], "tags": {"k": ["v"]}}),
            (fields.INBOUND_CIDRS, "10.0.0.0/8"),
            (fields.INBOUND_CIDRS, ["all"]),
            (fields.CERTIFICATE_ARN, [1]),
            (fields.SSL_REDIRECT, "https"),
            (fields.SSL_REDIRECT, [443]),
            (fields.TAGS, {"a": "1"}),
            (fields.TAGS, [{"key": "a", "value": 1}]),
            (fields.LISTENERS, [{"port": "80"}]),
        ],
    )
    def test_a_value_of_a_wrong_type_is_told_to_the_settings(self, field: Field[Any], written: Any) -> None:
        found = field.asked_by(class_params({field.name: written}))
        assert isinstance(found, Invalid)
        (problem,) = found.problems
        assert str(problem.ref) == "ingressclassparams/public"
        assert problem.message.startswith(f"spec.{field.name}: ")
