import pytest

from lockgate.core.content import Text, Turn
from lockgate.core.request import Request, Sampling
from lockgate.core.sheet import Sheet
from lockgate.providers.edits import Edits, merged


def edited(edits, body):
    sheet = Sheet.open(body)
    return edits.edit(sheet), sheet.bytes()


@pytest.mark.parametrize(
    ("edits", "body", "after", "dropped"),
    [
        (Edits(rename={"a": "b"}), b'{"a":1,"c":2}', b'{"c":2,"b":1}', []),
        (Edits(rename={"a": "b"}), b'{"a":1,"b":2}', b'{"b":2}', []),  # both were given: the provider's own name wins
        (Edits(drop=["a", "z"]), b'{"a":1,"c":2}', b'{"c":2}', ["a"]),
        (Edits(drop=["a", "b"]), b'{"a":false,"b":null,"c":2}', b'{"c":2}', []),  # what was off is no loss
        (
            Edits(roles={"developer": "system"}),
            b'{"messages":[{"role":"developer","content":"x","n":1e0},{"role":"user","content":"developer"}]}',
            b'{"messages":[{"role":"system","content":"x","n":1e0},{"role":"user","content":"developer"}]}',
            [],
        ),
        (Edits(roles={"developer": "system"}), b'{"input":[{"role":"developer"}]}', b'{"input":[{"role":"system"}]}', []),
        (Edits(roles={"developer": "system"}), b'{"messages":["developer"]}', b'{"messages":["developer"]}', []),
        (
            Edits(says={"effort": {"none": {"thinking": {"type": "disabled"}}}}),
            b'{"effort":"none"}',
            b'{"thinking":{"type":"disabled"}}',
            [],
        ),
        (Edits(says={"effort": {"none": {"on": False}, "*": {"on": True}}}), b'{"effort":"low"}', b'{"on":true}', []),
        (Edits(says={"effort": {"none": {"on": False}}}), b'{"effort":"low"}', b'{"effort":"low"}', []),
        (Edits(says={"effort": {"none": {"on": False}}}), b'{"effort":"none","on":1}', b'{"on":1}', []),  # the caller's word
    ],
)
def test_a_caller_s_body_is_spelt_as_the_provider_wants(edits, body, after, dropped):
    assert edits.concern(Sheet.open(body), body)
    assert edited(edits, body) == (dropped, after)


@pytest.mark.parametrize("body", [b'{ "c": 2, "messages": [ {"role": "user"} ] }', b"{}"])
def test_a_body_that_has_nothing_to_edit_is_left_alone(body):
    edits = Edits({"a": "b"}, ["d"], {"developer": "system"}, {"e": {"*": {}}}, ["top_k"])
    assert not edits.concern(Sheet.open(body), body)


def test_a_translation_s_body_is_edited_and_its_losses_are_named():
    edits = Edits(rename={"max_completion_tokens": "max_tokens"}, drop=["user"], roles={"developer": "system"})
    request = Request("m", [Turn("developer", [Text("x")])])
    sheet = Sheet.open(b'{"max_completion_tokens": 3, "user": "u", "other": 1}')
    edits.before(request)
    edits.after(sheet, request)
    assert request.turns[0].role == "system"
    assert list(sheet) == ["other", "max_tokens"]
    assert request.losses == ["user"]


def test_what_a_dialect_lacks_and_a_provider_takes_is_no_loss():
    request = Request("m", sampling=Sampling(top_k=5), losses=["top_k", "cache_control"])
    sheet = Sheet.open(b"{}")
    Edits(also=["top_k"]).after(sheet, request)
    assert sheet.bytes() == b'{"top_k":5}'
    assert request.losses == ["cache_control"]


def test_the_later_of_two_edits_wins_and_neither_is_lost():
    one = Edits({"a": "b"}, ["c"], {"developer": "system"}, {"e": {"*": {"f": 1}}}, ["top_k"])
    two = Edits({"a": "z"}, ["c", "d"])
    assert merged([one, two]) == Edits({"a": "z"}, ["c", "d"], {"developer": "system"}, {"e": {"*": {"f": 1}}}, ["top_k"])
