"""The command `addons <name> ...`: the same as `python -m addons.<name> ...`."""

import runpy
import signal
import sys
from importlib.util import find_spec

from addons.registry import daemons, summary_of

HAS_DEMO = find_spec("addons.demo") is not None
"""Whether this is a checkout; the image has no simulated world."""

COMMANDS = (*daemons(), "explain", "status", *(("demo",) if HAS_DEMO else ()))


def main() -> None:
    """Run the add-on that the first argument names; exit with 2 when there is none of that name."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in ("--help", "-h", "help"):
        lines = (f"  {command:12} {summary_of(command)}" for command in COMMANDS)
        sys.stdout.write("\n".join(["usage: addons NAME [--help] [settings]", "", *lines, ""]))
    elif name in COMMANDS:
        del sys.argv[1]
        if name != "demo":  # which ends what it has started
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback before somebody listens for Ctrl-C
        try:
            runpy.run_module(f"addons.{name}", run_name="__main__", alter_sys=True)
        except ModuleNotFoundError as error:
            sys.exit(_missing(name, error))
    else:
        sys.exit(_no_such_command(name))


def _no_such_command(name: str) -> int:
    if name == "demo":
        sys.stderr.write("addons demo: not part of the image: get the sources and run `make demo` there\n")
    else:
        said = f"{name!r} is no command" if name else "no command is given"
        sys.stderr.write(f"addons: {said}: one of {', '.join(COMMANDS)}\n")
    return 2


def _missing(name: str, error: ModuleNotFoundError) -> int:
    """The daemons need some packages, and the simulated world more of them."""
    package = (error.name or "").partition(".")[0]
    fix = "pip install -e '.[demo]'" if name == "demo" else "install the project again"
    sys.stderr.write(f"addons {name}: the package {package} is missing: {fix}\n")
    return 2


if __name__ == "__main__":
    main()
