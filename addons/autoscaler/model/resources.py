"""Amounts of what nodes offer and pods request, in whole numbers."""

from collections.abc import Mapping

Amounts = Mapping[str, int]
"""Resource -> amount: `cpu` in thousandths of a core, `memory` and `ephemeral-storage` in bytes, everything
else in pieces. What is left out is 0. `pods` is a resource like any other: each pod requests 1 of it."""

CPU = "cpu"
MEMORY = "memory"
PODS = "pods"
