"""Texts of a certain form that settings of several daemons are: an ARN, a network, a host name, a selector.

`text` is checked by whoever reads settings, the daemon and the schema of its chart. `in_schema` is for what the
daemon's own code checks, and better than a pattern can: it tells the schema what passes that check for sure. The
patterns mean the same to Python and to Go, in whose syntax Helm reads them. What is the default of a setting is
permitted besides.
"""

import re
from typing import Annotated, Any

from msgspec import Meta

from addons.runtime.selectors import PATTERN as SELECTOR


def text(pattern: str, words: str) -> Meta:
    """A text that matches the whole of `pattern`; `words` say what that is."""
    return Meta(pattern=f"^({pattern})$", description=words)


def in_schema(pattern: str, **more: Any) -> Meta:
    """A text of which the schema asks that it matches the whole of `pattern`."""
    unnamed = re.sub(r"\(\?P<\w+>", "(", pattern)
    return Meta(extra_json_schema={"pattern": f"^({unnamed})$", **more})


_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_GROUP = "[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    (
        rf"({_GROUP}:){{7}}{_GROUP}",
        *(rf"({_GROUP}:){{1,{7 - after}}}(:{_GROUP}){{{after}}}" for after in range(1, 7)),
        rf"({_GROUP}:){{1,7}}:",
        rf":((:{_GROUP}){{1,7}}|:)",
    )
)
_LETTER = "A-Za-z0-9_"
_BEYOND_ASCII = "À-ÖØ-öø-ÿĴ-ľŁ-ňŊ-žΑ-ΡΣ-Ωα-ωА-яぁ-ゖァ-ヺ一-龥가-힣"
_LABEL = (
    rf"([{_LETTER}]([{_LETTER}-]{{0,61}}[{_LETTER}])?"
    rf"|[a-z0-9]{{0,10}}[{_BEYOND_ASCII}][a-z0-9{_BEYOND_ASCII}]{{0,10}})"
)
_HOST = rf"{_LABEL}(\.{_LABEL})*\.?"
_URL_HOST = (
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\]"
)

Region = Annotated[str, text(r"[a-z0-9]+(-[a-z0-9]+)*", "the name of an AWS region, such as eu-central-1")]
Url = Annotated[str, text(rf"https?://({_URL_HOST})(:[0-9]{{1,5}})?(/\S*)?", "a URL with http or https")]
Namespace = Annotated[
    str, text(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "the name of a namespace: lower case, digits, hyphens")
]
RoleArn = Annotated[
    str,
    text(
        r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}",
        "the ARN of a role, such as arn:aws:iam::123456789012:role/web",
    ),
]
Network = Annotated[
    str, in_schema(rf"{_IPV4}(/(3[0-2]|[12]?[0-9]))?|({_IPV6})(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?")
]
Address = Annotated[str, in_schema(rf"{_IPV4}|{_IPV6}")]
Domain = Annotated[str, in_schema(rf"\.?{_HOST}", maxLength=253)]
HostName = Annotated[str, in_schema(_HOST, maxLength=253)]
LabelSelector = Annotated[str, in_schema(SELECTOR)]
_IN_CLASS = r"[^\\\[\]&|~-]|\\[^A-Za-z0-9]|\\[tnrfv]|[A-Za-z0-9]-[A-Za-z0-9]"
_ATOM = rf"[^\\()\[\]{{}}*+?^$|]|\\[^A-Za-z0-9]|\\[dDsSwWtnrfv]|\[\^?({_IN_CLASS})+-?\]|\)"
_TIMES = r"([*+?]|\{[0-9]{1,3}(,[0-9]{0,3})?\})\??"
Regexp = Annotated[str, in_schema(rf"(\(\?i\))?(({_ATOM})({_TIMES})?|\((\?:)?|[|^$])*", format="regex")]
"""A regular expression that RE2 and Python read alike."""
