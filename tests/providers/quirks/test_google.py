"""Bodies as Google wants them: raw members change, the rest stays byte for byte."""

from lockgate.core.sheet import Sheet
from lockgate.providers.quirks import QUIRKS
from lockgate.providers.table import TABLE

BODY = b'{"model":"claude-x","max_tokens":9,"messages":[ {"role":"user","content":"\\u0070ing"} ]}'


def after(name, body=BODY):
    sheet = Sheet.open(body)
    QUIRKS[name](sheet, "claude-x", {})
    return sheet.bytes()


def test_claude_names_no_model_but_a_version():
    expected = b'{"max_tokens":9,"messages":[ {"role":"user","content":"\\u0070ing"} ],"anthropic_version":"vertex-2023-10-16"}'
    assert after("vertex-claude") == expected
    assert after("vertex-claude", expected) == expected


def test_a_count_keeps_the_model():
    assert after("vertex-claude-count") == BODY[:-1] + b',"anthropic_version":"vertex-2023-10-16"}'


def test_an_endpoint_of_ones_own_serves_one_model():
    assert after("vertex-deployed").startswith(b'{"model":"",')


def test_every_quirk_that_the_table_names_is_there():
    parts = [part for row in TABLE.values() for part in (row, *row.variants)]
    endpoints = [place for part in parts for member in ("speaks", "counts") for place in (getattr(part, member) or {}).values()]
    named = {place.quirk for place in endpoints if place.quirk}
    assert named <= QUIRKS.keys() and {"vertex-claude", "vertex-claude-count", "vertex-deployed"} <= named
