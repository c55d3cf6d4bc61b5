"""Amounts as Kubernetes writes them become whole numbers."""

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.autoscaler.desired.quantities import amount, amounts, thousandths

MOST = (1 << 63) - 1
FACTORS = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "Ki": Fraction(1 << 10),
    "Mi": Fraction(1 << 20),
    "Gi": Fraction(1 << 30),
    "Ti": Fraction(1 << 40),
    "e2": Fraction(100),
    "E-1": Fraction(1, 10),
    "e+3": Fraction(1000),
}


@pytest.mark.parametrize(
    ("resource", "text", "number"),
    [
        ("cpu", "1", 1000),
        ("cpu", "100m", 100),
        ("cpu", "0.1", 100),
        ("cpu", ".5", 500),
        ("cpu", "2.", 2000),
        ("cpu", "1u", 1),
        ("cpu", "0", 0),
        ("cpu", "+1", 1000),
        ("cpu", 2, 2000),
        ("cpu", 0.5, 500),
        ("memory", "1Gi", 1 << 30),
        ("memory", "1.5Gi", 3 << 29),
        ("memory", "128974848", 128974848),
        ("memory", "129e6", 129_000_000),
        ("memory", "129M", 129_000_000),
        ("memory", "128974848000m", 128974848),
        ("memory", "100m", 1),
        ("memory", "1E", 10**18),
        ("memory", "1E3", 1000),
        ("memory", "8Ei", MOST),
        ("memory", "1e99", MOST),
        ("memory", "1e-99", 1),
        ("memory", "0e99", 0),
        ("nvidia.com/gpu", "2", 2),
        ("pods", "110", 110),
    ],
)
def test_an_amount(resource: str, text: str, number: int) -> None:
    assert amount(resource, text) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-1",
        "1 Gi",
        "1gi",
        "1K",
        "one",
        "1e",
        "1e1.5",
        "0x10",
        "1_000",
        "1Gi ",
        "e3",
        "1mm",
        "\u0661",
    ],
)
def test_what_is_no_amount_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="memory: ") as caught:
        amount("memory", text)
    assert repr(text) in str(caught.value)


def test_zeros_are_left_out() -> None:
    assert amounts({"cpu": "0", "memory": "1Ki"}) == {"memory": 1024}


@given(
    whole=st.integers(0, 10**9),
    part=st.text("0123456789", max_size=12),
    suffix=st.sampled_from(sorted(FACTORS)),
)
def test_an_amount_is_exact_and_rounded_up_to_thousandths(whole: int, part: str, suffix: str) -> None:
    exact = (whole + Fraction(int(part or "0"), 10 ** len(part))) * FACTORS[suffix]
    text = f"{whole}{part and '.' + part}{suffix}"
    assert thousandths(text) == min(ceil(exact * 1000), MOST * 1000)
