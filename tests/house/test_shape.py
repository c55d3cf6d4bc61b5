"""The shape of the code: sizes, docstrings, and what import contracts cannot see."""

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from addons.registry import daemons

ROOT = Path(__file__).parents[2]
ADDONS = ROOT / "addons"
DAEMONS = daemons()
SOURCES = sorted(ADDONS.rglob("*.py"))
PURE = ("desired", "plan", "matrix", "model", "names.py")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Lines of code: the docstring and the decorators do not count."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 2 if body else 1


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def pure_modules() -> list[Path]:
    return [
        path
        for path in SOURCES
        if path.relative_to(ADDONS).parts[0] in DAEMONS and path.relative_to(ADDONS).parts[1].startswith(PURE)
    ]


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


class TestSizes:
    def test_no_file_is_above_400_lines(self) -> None:
        long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
        assert {name: lines for name, lines in long.items() if lines > 400} == {}

    def test_no_function_is_above_40_lines(self) -> None:
        long = [
            f"{where(path, node)} {node.name}: {length(node)}"
            for path in SOURCES
            for node in functions(path)
            if length(node) > 40
        ]
        assert long == []

    def test_the_median_function_is_about_10_lines(self) -> None:
        assert statistics.median(length(node) for path in SOURCES for node in functions(path)) <= 10

    def test_the_runtime_does_not_grow_into_a_framework(self) -> None:
        files = sorted((ADDONS / "runtime").glob("*.py"))
        assert len(files) <= 50
        assert sum(len(path.read_text().splitlines()) for path in files) <= 6800


class TestShape:
    def test_packages_say_in_a_docstring_what_they_are_and_hold_nothing_else(self) -> None:
        for path in ADDONS.rglob("__init__.py"):
            body = tree(path).body
            assert len(body) == 1, path
            assert ast.get_docstring(tree(path)), path

    @pytest.mark.parametrize("name", ["utils", "common", "helpers", "misc"])
    def test_no_module_is_named_after_nothing(self, name: str) -> None:
        assert [path for path in SOURCES if path.stem == name or path.parent.name == name] == []

    @pytest.mark.parametrize("daemon", DAEMONS)
    def test_every_daemon_has_the_common_modules(self, daemon: str) -> None:
        for part in ("__main__", "config", "names", "model", "desired", "plan", "aws", "kube", "controller"):
            folder, module = ADDONS / daemon / part, ADDONS / daemon / f"{part}.py"
            assert folder.is_dir() or module.is_file(), f"{daemon} lacks {part}"
        assert (ADDONS / daemon / "README.md").is_file()

    def test_pure_modules_ask_no_clock_and_open_nothing(self) -> None:
        forbidden = ("open", "print", "input")
        found = [
            f"{where(path, call)} {name}"
            for path in pure_modules()
            for name, call in calls(path)
            if name in forbidden or name.endswith((".now", ".today", ".utcnow"))
        ]
        assert found == []
        assert pure_modules()

    def test_catching_everything_is_left_to_loop_and_app(self) -> None:
        """And to the socket of cni: a runtime gets an answer, whatever fault of ours there is.

        And to the threads of cni, which have it raised where it is waited for. In autoscaler a fault of ours
        costs one group, or one message, or the removals of one pass, and in dns one object.
        """
        places = ("runtime/loop", "runtime/app", "cni/server/calls", "cni/worker", "dns/controller/sources")
        single = ("aws/rounds", "aws/interruptions", "controller/decide", "controller/executors")
        allowed = {f"addons/{name}.py" for name in (*places, *(f"autoscaler/{each}" for each in single))}
        found = {
            str(path.relative_to(ROOT))
            for path in SOURCES
            if path.relative_to(ADDONS).parts[0] in (*DAEMONS, "runtime")
            for node in ast.walk(tree(path))
            if isinstance(node, ast.ExceptHandler)
            and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
        }
        assert found - allowed == set()

    def test_only_the_command_line_reads_the_environment(self) -> None:
        """And the client of the API server: where that is, pods are told there and nowhere else.

        The plugin is a program of its own.
        """
        found = {
            str(path.relative_to(ROOT))
            for path in SOURCES
            if path.relative_to(ADDONS).parts[0] in (*DAEMONS, "runtime") and path.parent.name != "plugin"
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
        }
        assert found == {"addons/runtime/cli.py", "addons/runtime/kube_access.py"}

    def test_the_generated_kubernetes_models_stay_out(self) -> None:
        """They cost 104 MiB; import-linter cannot forbid a part of somebody else's package."""
        forbidden = ("kubernetes.client", "kubernetes.aio.client.api", "kubernetes.aio.client.models")
        found = [
            f"{where(path, node)} {name}"
            for path in SOURCES
            for node in ast.walk(tree(path))
            for name in imported(node)
            if name.startswith(forbidden)
        ]
        assert found == []

    def test_nobody_uses_the_shared_thread_pool(self) -> None:
        found = [
            where(path, call) for path in SOURCES for name, call in calls(path) if name == "asyncio.to_thread"
        ]
        assert found == []


class TestDocstrings:
    def test_everything_public_says_what_it_is(self) -> None:
        missing = [
            f"{where(path, node)} {node.name}"
            for path in SOURCES
            for node in ast.walk(tree(path))
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
            and node in _top_level(path)
        ]
        assert missing == []


@cache
def _top_level(path: Path) -> frozenset[ast.AST]:
    """Public surface: module members and the methods of public classes."""
    members: list[ast.AST] = list(tree(path).body)
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            members += node.body
    return frozenset(members)
