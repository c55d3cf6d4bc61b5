"""Which groups are ours, as the settings say: some by name with limits, others by their tags."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_TAGS = "asg:tag="


@dataclass(frozen=True, slots=True)
class NamedGroup:
    """A group of --nodes, with the limits that are wanted for it."""

    name: str
    min_size: int
    max_size: int


@dataclass(frozen=True, slots=True)
class TagSpec:
    """Tags that a group must have, all of them: key -> value, None where any will do."""

    tags: tuple[tuple[str, str | None], ...]

    def __str__(self) -> str:
        return _TAGS + ",".join(key if value is None else f"{key}={value}" for key, value in self.tags)


def named_groups(texts: Iterable[str]) -> Mapping[str, NamedGroup]:
    """Read --nodes, MIN:MAX:NAME each. Raises ValueError that names the setting."""
    found: dict[str, NamedGroup] = {}
    for text in texts:
        least, _, rest = text.partition(":")
        most, _, name = rest.partition(":")
        if not (least.isdecimal() and most.isdecimal() and name):
            raise ValueError(f"--nodes={text}: not MIN:MAX:NAME, such as 1:10:web")
        if int(least) > int(most):
            raise ValueError(f"--nodes={text}: the minimum {least} is above the maximum {most}")
        if name in found:
            raise ValueError(f"--nodes={text}: the group {name} is named twice")
        found[name] = NamedGroup(name, int(least), int(most))
    return found


def tag_specs(texts: Iterable[str]) -> tuple[TagSpec, ...]:
    """Read --node-group-auto-discovery; equal ones once. Raises ValueError that names the setting.

    A list in a flag is parted at commas, and so are the tags of one spec: what does not begin as a spec goes
    on with the one before.
    """
    whole: list[str] = []
    for text in texts:
        if whole and not text.startswith("asg:"):
            whole[-1] += f",{text}"
        else:
            whole.append(text)
    return tuple(dict.fromkeys(map(_tag_spec, whole)))


def _tag_spec(text: str) -> TagSpec:
    setting = f"--node-group-auto-discovery={text}"
    if not text.startswith(_TAGS):
        raise ValueError(f"{setting}: not {_TAGS}KEY[=VALUE][,KEY...]")
    tags: dict[str, str | None] = {}
    for item in text.removeprefix(_TAGS).split(","):
        key, equals, value = item.strip().partition("=")
        if not key:
            raise ValueError(f"{setting}: a tag without a key")
        if key in tags and tags[key] != (value if equals else None):
            raise ValueError(f"{setting}: the tag {key} is named twice")
        tags[key] = value if equals else None
    return TagSpec(tuple(tags.items()))
