"""The cell of a combination: its settings as they are in the end, and what is wrong with them together."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from msgspec import UNSET

from addons.autoscaler import names as public
from addons.autoscaler.matrix import names, tags, user_data
from addons.autoscaler.matrix.combinations import Combination, is_matched
from addons.autoscaler.matrix.file import Device, MatrixFile, Settings
from addons.autoscaler.matrix.kubelet import taint_of
from addons.autoscaler.matrix.layers import KEYS, Layer, Merged, merged
from addons.autoscaler.matrix.options import options_of
from addons.autoscaler.matrix.places import Path
from addons.autoscaler.model.matrix import BlockDevice, Capacity, Cell
from addons.autoscaler.model.pods import Taint
from addons.runtime.setting_values import parse_duration

_LONGEST_KEY, _LONGEST_VALUE = 128, 256
_DIMENSIONS: Final = {"instance_types": "instanceTypes", "capacity": "capacity", "services": "services"}


_PREFIXES: Final = {
    "labels": public.TEMPLATE_LABEL,
    "taints": public.TEMPLATE_TAINT,
    "resources": public.TEMPLATE_RESOURCES,
}


def settings_of(file: MatrixFile, combination: Combination) -> Merged:
    """The settings of a cell: of all, of its type, its capacity, its service, then the overrides in order."""
    layers = [Layer(("defaults",), file.defaults)]
    for name, key in _DIMENSIONS.items():
        values, value = getattr(file.dimensions, name), getattr(combination, name)
        if isinstance(values, Mapping) and isinstance(found := values.get(value), Settings):
            layers.append(Layer(("dimensions", key, value), found))
    layers += [
        Layer(("cells", number, "set"), override.settings)
        for number, override in enumerate(file.cells)
        if is_matched(combination, override.match)
    ]
    return merged(layers)


def cell_of(file: MatrixFile, combination: Combination, settings: Merged) -> Cell:
    """The cell. What has no value although it needs one is empty; `faults_of` tells of it."""
    service, type_, capacity, zone = combination
    subnets = file.dimensions.zones[zone]
    cell = Cell(
        name=names.name_of(file.cluster, service, type_, capacity, zone),
        matrix=file.matrix,
        cluster=file.cluster,
        service=service,
        instance_type=type_,
        capacity=cast(Capacity, capacity),
        zone=zone,
        subnets=(subnets,) if isinstance(subnets, str) else tuple(subnets),
        min_size=settings.get("min_size", 0),
        max_size=settings.get("max_size", 0),
        image=settings.get("image", ""),
        user_data_template=settings.get("user_data", ""),
        **_of_nodes(settings),
        **_of_instances(settings),
    )
    return replace(cell, user_data=user_data.filled(cell.user_data_template, cell))


def _of_nodes(settings: Merged) -> dict[str, Any]:
    """What the kubelet and the autoscaler are told."""
    taints = (taint_of(text) for text in settings.get("taints", ()))
    return {
        "labels": _texts(settings.get("labels", {})),
        "taints": tuple(each for each in taints if isinstance(each, Taint)),
        "kernel": _texts(settings.get("kernel", {})),
        "resources": _texts(settings.get("resources", {})),
        "options": options_of(settings),
    }


def _of_instances(settings: Merged) -> dict[str, Any]:
    """What AWS is told."""
    return {
        "tags": _texts(settings.get("tags", {})),
        "key_name": settings.get("key_name", ""),
        "instance_profile": settings.get("iam_instance_profile", ""),
        "security_groups": tuple(settings.get("security_groups", ())),
        "block_devices": tuple(_device(each) for each in settings.get("block_devices", ())),
        "spot_price": settings.get("spot_max_price"),
        "heartbeat_seconds": int(parse_duration(settings.get("heartbeat_timeout", "5m")).total_seconds()),
        "keeps": settings.get("keep", False),
        "is_protected": settings.get("termination_protection", False),
    }


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {key: str(values[key]) for key in sorted(values)}


def _device(device: Device) -> BlockDevice:
    return BlockDevice(
        device=device.device,
        size=device.size or 0,
        type=device.type,
        iops=device.iops or 0,
        throughput=device.throughput or 0,
        encrypted=device.encrypted,
        key="" if device.kms_key is UNSET else device.kms_key,
    )


def faults_of(cell: Cell, settings: Merged) -> Iterator[tuple[Path, str]]:
    """What is wrong with the settings of a cell together, each with where it stands."""
    yield from _missing(settings)
    if cell.min_size > cell.max_size and "max_size" in settings.values:
        yield settings.origin("min_size"), f"min {cell.min_size} is above max {cell.max_size}"
    yield from _not_handed(cell, settings)
    size = len(cell.user_data.encode())
    if size > user_data.MOST_BYTES:
        message = f"user data of {size} bytes: EC2 takes {user_data.MOST_BYTES}"
        yield settings.origin("user_data"), message
    yield from _untaggable(cell, settings)


def _missing(settings: Merged) -> Iterator[tuple[Path, str]]:
    for name, example in (("image", "ami-0123456789abcdef0"), ("max_size", "10")):
        if name not in settings.values:
            key = KEYS[name]
            yield ("defaults", key), f"is missing: each cell needs one, such as {key}: {example}"


def _not_handed(cell: Cell, settings: Merged) -> Iterator[tuple[Path, str]]:
    """What the tags would tell of nodes, or a user expects of them, and no node would have."""
    template = settings.get("user_data", "")
    if any(user_data.template_faults(template)):
        return
    there = user_data.placeholders_in(template)
    for name, placeholders in user_data.HANDED_BY.items():
        if getattr(cell, name) and not placeholders & there:
            told = " or ".join(f"${{{each}}}" for each in user_data.PLACEHOLDERS if each in placeholders)
            where = "userData does not hand them" if template else "there is no userData to hand them"
            yield settings.origin(name), f"{where} to the nodes: write {told} there"


def _untaggable(cell: Cell, settings: Merged) -> Iterator[tuple[Path, str]]:
    """What does not fit into tags."""
    given = {**tags.group_tags(cell), **tags.instance_tags(cell)}
    if (count := len(given) + tags.STACK_TAGS) > tags.MOST:
        yield (
            settings.origin("labels"),
            f"labels, taints, options and tags make {count} tags: AWS takes {tags.MOST}",
        )
    for name, prefix in _PREFIXES.items():
        for key in sorted(given):
            if key.startswith(prefix) and len(key) > _LONGEST_KEY:
                most = _LONGEST_KEY - len(prefix)
                short = key.removeprefix(prefix)
                yield (
                    settings.origin(name, short),
                    f"the key has {len(short)} signs: a tag takes {most}",
                )
