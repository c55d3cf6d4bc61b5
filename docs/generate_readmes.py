"""Write the settings tables of the add-ons' README.md from their Config."""

from pathlib import Path

from addons.dns.config import Config as DnsConfig
from addons.iamproxy.config import Config as IamproxyConfig
from addons.runtime.setting_docs import settings_table
from addons.runtime.settings import CommonConfig

ROOT = Path(__file__).resolve().parents[1]
READMES: dict[Path, tuple[type[CommonConfig], str]] = {
    ROOT / "addons" / "dns" / "README.md": (DnsConfig, "ADDONS_DNS_"),
    ROOT / "addons" / "iamproxy" / "README.md": (IamproxyConfig, "ADDONS_IAMPROXY_"),
}

_START, _END = "<!-- settings: written by `make docs` -->", "<!-- end of settings -->"


def generate(text: str, config_type: type[CommonConfig], prefix: str) -> str:
    """Give the text of a README with the table of now."""
    before, _, rest = text.partition(_START)
    after = rest.partition(_END)[2]
    return f"{before}{_START}\n\n{settings_table(config_type, [prefix])}\n{_END}{after}"


if __name__ == "__main__":
    for path, (config_type, prefix) in READMES.items():
        path.write_text(generate(path.read_text(), config_type, prefix))
