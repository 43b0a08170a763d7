import pytest

from lockgate.core.content import Text, Turn
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.registry import CODECS
from lockgate.providers.auth.static import SCHEMES, carry
from lockgate.providers.table import TABLE, Edits, Endpoint, read_table
from lockgate.transport.destination import Destination


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.slug)
def test_every_row_can_be_used(row):
    assert row.speaks
    assert set(row.speaks) | set(row.counts) <= set(CODECS)
    assert row.auth == "none" or row.auth in SCHEMES
    assert row.keyless or row.env
    if not row.builtin:
        assert Destination.parse(row.base_url, trusted=True)[0].host
    assert all(endpoint.path.startswith("/") for endpoint in row.speaks.values())


def test_a_new_provider_is_one_row():
    table = read_table(
        '[new]\nname = "New"\ndocs = ""\nbase_url = "https://new"\nauth = "bearer"\nspeaks = {"openai.chat" = "/c"}'
    )
    assert table["new"].speaks["openai.chat"].target("m", stream=True) == "/c"


def test_a_model_in_a_path_is_quoted():
    endpoint = Endpoint("/models/{model}:go", "/models/{model}:stream?alt=sse")
    assert endpoint.target("a/b?c#d", stream=False) == "/models/a%2Fb%3Fc%23d:go"
    assert endpoint.target("a", stream=True) == "/models/a:stream?alt=sse"


def test_a_bare_model_finds_its_provider():
    assert TABLE["openai"].owns("gpt-4.1")
    assert not TABLE["openai"].owns("claude-sonnet-4-5")


def test_edits_rename_drop_and_say_what_was_lost():
    edits = Edits(rename={"max_completion_tokens": "max_tokens"}, drop=["user"], roles={"developer": "system"})
    request = Request("m", [Turn("developer", [Text("x")])])
    sheet = Sheet.open(b'{"max_completion_tokens": 3, "user": "u", "other": 1}')
    edits.before(request)
    edits.after(sheet, request)
    assert request.turns[0].role == "system"
    assert list(sheet) == ["other", "max_tokens"]
    assert request.losses == ["user"]


def test_a_key_travels_as_the_scheme_says():
    assert carry("bearer", "k") == [("authorization", "Bearer k")]
    assert carry("x-api-key", "k") == [("x-api-key", "k")]
    assert carry("none", "k") == carry("bearer", "") == []
