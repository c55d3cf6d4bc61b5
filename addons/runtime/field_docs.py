"""The docstrings below the fields of a Struct, which Python itself does not keep."""

import ast
import inspect
import textwrap

from msgspec import Struct


def field_docs(config_type: type[Struct]) -> tuple[dict[str, str], dict[str, str]]:
    """Give the docstring of every field, and the first line of that of the class which declares it."""
    docs: dict[str, str] = {}
    groups: dict[str, str] = {}
    for owner in reversed(config_type.__mro__):
        if owner in (object, Struct) or not issubclass(owner, Struct):
            continue
        body = _class_body(owner)
        for statement, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name = statement.target.id
                groups.setdefault(name, (owner.__doc__ or owner.__name__).splitlines()[0].rstrip("."))
                if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                    docs[name] = " ".join(str(following.value.value).split())
    return docs, groups


def _class_body(owner: type) -> list[ast.stmt]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    return definition.body if isinstance(definition, ast.ClassDef) else []
