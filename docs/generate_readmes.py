"""Write the settings tables of the add-ons' README.md from their Config."""

from pathlib import Path

from addons.dns.config import ENV_PREFIXES, Config
from addons.runtime.setting_docs import settings_table

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "addons" / "dns" / "README.md"

_START, _END = "<!-- settings: written by `make docs` -->", "<!-- end of settings -->"


def generate(text: str) -> str:
    """Give the text of the README with the table of now."""
    before, _, rest = text.partition(_START)
    after = rest.partition(_END)[2]
    return f"{before}{_START}\n\n{settings_table(Config, ENV_PREFIXES[:1])}\n{_END}{after}"


if __name__ == "__main__":
    README.write_text(generate(README.read_text()))
