"""docs/red.md: its example."""

import re
from pathlib import Path

from ccp_jupyter.model.red import check, prepare, read, substituted, variables

PAGE = Path(__file__).parents[4].joinpath("docs/red.md").read_text()


def test_the_example():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    document = read(text).document
    check(document)
    values = {variable.name: "x" for variable in variables(document)}
    assert values.keys() == {"registry_pw", "web_pw"}
    filled = substituted(document, values)
    kept = prepare(filled, disable_retry=False, disable_connector_validation=False)
    assert len(kept.batches) == 1
