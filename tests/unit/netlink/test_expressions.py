"""Statements of rules, as the expressions that the kernel runs."""

from ipaddress import ip_network

import pytest

from addons.netlink.attributes import encode
from addons.netlink.expressions import accept, iifname, saddr


class TestExpressions:
    @pytest.mark.parametrize(
        ("pattern", "compared"),
        [("eni+", b"eni"), ("!eth0", b"eth0" + bytes(12)), ("cni0", b"cni0" + bytes(12)), ("+", b"")],
    )
    def test_an_interface_is_compared_in_full_or_by_its_beginning(
        self, pattern: str, compared: bytes
    ) -> None:
        comparison = dict(iifname(pattern).expressions[-1].attributes)
        assert comparison[3] == ((1, compared),)

    def test_a_network_is_compared_under_its_mask(self) -> None:
        *_, mask, comparison = saddr(ip_network("10.4.0.0/14")).expressions
        assert dict(mask.attributes)[4] == ((1, bytes([255, 252, 0, 0])),)
        assert dict(comparison.attributes)[3] == ((1, bytes([10, 4, 0, 0])),)

    def test_a_verdict_is_a_number_in_network_order(self) -> None:
        (expression,) = accept().expressions
        assert encode(expression.attributes)[-4:] == bytes([0, 0, 0, 1])
