"""What the dns chart refuses, by its schema and, where Helm is told to skip that, in words."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support.charts import CHARTS, Values, helm, render, values


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"config": {"txtOwnerID": "x"}}, "at '/config': additional properties 'txtOwnerID' not allowed"),
        ({"config": {"policy": "delete"}}, "at '/config/policy': value must be one of 'sync'"),
        ({"config": {"interval": "soon"}}, "at '/config/interval'"),
        ({"config": {"source": []}}, "at '/config/source': minItems"),
        ({"config": {"txtOwnerId": ""}}, "at '/config/txtOwnerId': minLength"),
        ({"replicas": "2"}, "at '/replicas': got string, want integer"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        render(values(given))


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"txtOwnerId": ""}, r"config\.txtOwnerId is required: a name for this cluster"),
        ({"source": []}, r"config\.source is required: at least one kind of object"),
    ],
)
def test_what_is_required_is_refused_in_words_where_helm_skips_the_schema(
    config: Values, complaint: str, tmp_path: Path
) -> None:
    bare = shutil.copytree(
        CHARTS / "dns", tmp_path / "dns", ignore=shutil.ignore_patterns("values.schema.json")
    )
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values({"config": config}), Path(bare))
