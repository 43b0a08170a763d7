from lockgate.core.failure import Failure
from lockgate.core.query import Painting, Pictures
from lockgate.core.reply import Usage
from lockgate.dialects.observing import observer

FAILED = Failure("server", 500, "down")


def read_reply(body, query):
    assert query == Painting()
    return FAILED if body == b"bad" else Pictures(id="i", model="m", usage=Usage(images=2))


def test_an_answer_says_who_it_is_and_what_it_used():
    outcome = observer(read_reply, Painting())(b"good")
    assert (outcome.id, outcome.model, outcome.usage.images) == ("i", "m", 2)
    assert outcome.begun and outcome.complete
    assert outcome.failure is None


def test_a_failure_is_one():
    outcome = observer(read_reply, Painting())(b"bad")
    assert outcome.failure is FAILED
    assert not outcome.complete
