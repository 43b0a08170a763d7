import pytest

from lockgate.core.failure import Refusal
from lockgate.policy.comparison import OPERATORS
from lockgate.policy.condition import CLAUSES, DEPTH, PATTERNS, SENTENCE, compile_query
from support.facts import TableFacts

AT = "config.strategy.conditions[0].query"
BODY = {
    "model": "gpt-4o",
    "max_tokens": 2000,
    "temperature": 0.5,
    "stream": True,
    "stop": None,
    "n": "12",
    "unit": "12 kg",
    "a.b": 1,
    "metadata": {"user.plan": "paid", "tags": ["x", "y"], "0": "zero"},
    "tools": [],
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "SELECT 1"}, {"type": "image_url"}]},
    ],
}
FACTS = TableFacts(
    metadata={"plan": "paid", "user.plan": "gold", "tier": 3, "beta": True, "since": "2026-03-01", "at": "09:30"},
    params=BODY,
    headers={"x-tier": "gold"},
    model="gpt-4o",
    operation="chat",
    stream=True,
    input_tokens=1200,
    has_tools=False,
    time__hour=9,
    time__weekday="monday",
    time__date="2026-08-03",
    time__hhmm="09:05",
)


def holds(query, facts=FACTS):
    return compile_query(query, AT).holds(facts)


@pytest.mark.parametrize(
    ("path", "asked", "so"),
    [
        # $eq is strict by type, as ===
        ("metadata.plan", "paid", True),
        ("metadata.plan", {"$eq": "paid"}, True),
        ("metadata.plan", {"$eq": "Paid"}, False),
        ("params.max_tokens", 2000, True),
        ("params.max_tokens", 2000.0, True),
        ("params.max_tokens", "2000", False),
        ("params.n", 12, False),
        ("metadata.beta", True, True),
        ("metadata.beta", 1, False),
        ("metadata.tier", True, False),
        ("params.stop", None, True),
        ("params.stop", {"$eq": None}, True),
        ("params.absent", None, False),
        ("params.messages", "x", False),
        ("params.metadata", "x", False),
        ("metadata.absent", {"$eq": "paid"}, False),
        # $ne is its opposite, of what is not there too
        ("metadata.plan", {"$ne": "paid"}, False),
        ("metadata.plan", {"$ne": "free"}, True),
        ("metadata.absent", {"$ne": "paid"}, True),
        ("params.n", {"$ne": 12}, True),
        # order: numbers on both sides, however they are written
        ("params.max_tokens", {"$gt": 1999}, True),
        ("params.max_tokens", {"$gt": 2000}, False),
        ("params.max_tokens", {"$gte": 2000}, True),
        ("params.max_tokens", {"$lt": 2000}, False),
        ("params.max_tokens", {"$lte": 2000}, True),
        ("params.max_tokens", {"$lte": "2e3"}, True),
        ("params.n", {"$gt": 11.5}, True),
        ("params.n", {"$lt": "12.5"}, True),
        ("params.unit", {"$gt": 1}, False),
        ("params.unit", {"$lt": 99}, False),
        ("params.stream", {"$gte": 0}, False),
        ("params.stop", {"$gte": 0}, False),
        ("params.messages", {"$gte": 0}, False),
        ("params.absent", {"$lt": 1}, False),
        # order: dates and times of day
        ("metadata.since", {"$gte": "2026-03-01"}, True),
        ("metadata.since", {"$gt": "2026-03-01"}, False),
        ("metadata.since", {"$lt": "2026-10-01"}, True),
        ("metadata.since", {"$gt": "09:00"}, False),
        ("metadata.at", {"$gte": "09:00", "$lt": "17:30"}, True),
        ("metadata.plan", {"$gt": "2026-01-01"}, False),
        ("time.date", {"$gte": "2026-08-01", "$lt": "2026-09-01"}, True),
        ("time.date", "2026-08-03", True),
        ("time.hhmm", {"$gte": "09:00", "$lt": "24:00"}, True),
        ("time.hhmm", {"$gt": "09:05"}, False),
        ("time.hour", {"$gte": 9, "$lt": 17}, True),
        ("time.weekday", {"$nin": ["saturday", "sunday"]}, True),
        # $in, $nin
        ("metadata.plan", {"$in": ["free", "paid"]}, True),
        ("metadata.plan", {"$in": []}, False),
        ("metadata.plan", {"$nin": ["free", "paid"]}, False),
        ("metadata.plan", {"$nin": []}, True),
        ("metadata.tier", {"$in": [3.0]}, True),
        ("metadata.tier", {"$in": ["3", True, None]}, False),
        ("metadata.beta", {"$in": [1, "true"]}, False),
        ("metadata.beta", {"$in": [1, True]}, True),
        ("params.stop", {"$in": [None]}, True),
        ("params.messages", {"$in": ["x"]}, False),
        ("metadata.absent", {"$in": ["paid"]}, False),
        ("metadata.absent", {"$nin": ["paid"]}, True),
        # $regex: unanchored, texts alone
        ("params.model", {"$regex": "^gpt"}, True),
        ("params.model", {"$regex": "4o$"}, True),
        ("params.model", {"$regex": "t-4"}, True),
        ("params.model", {"$regex": "^gpt-[45]"}, True),
        ("params.model", {"$regex": "^GPT"}, False),
        ("params.model", {"$regex": "^GPT", "$options": "i"}, True),
        ("params.max_tokens", {"$regex": "2"}, False),
        ("params.absent", {"$regex": ".*"}, False),
        # $exists
        ("params.stop", {"$exists": True}, True),
        ("params.absent", {"$exists": True}, False),
        ("params.absent", {"$exists": False}, True),
        ("workspace", {"$exists": False}, True),
        # $size
        ("params.messages", {"$size": 2}, True),
        ("params.messages", {"$size": {"$gt": 1, "$lte": 2}}, True),
        ("params.messages", {"$size": {"$ne": 2}}, False),
        ("params.tools", {"$size": 0}, True),
        ("params.model", {"$size": 6}, False),
        ("params.absent", {"$size": 0}, False),
        # $not, below a path
        ("metadata.plan", {"$not": {"$regex": "^p"}}, False),
        ("metadata.plan", {"$not": {"$regex": "^p", "$eq": "pro"}}, True),
        ("metadata.absent", {"$not": {"$in": ["paid"]}}, True),
        # depth
        ("params.messages.0.role", "system", True),
        ("params.messages[0].role", "system", True),
        ("params.messages[-1].role", "user", True),
        ("params.messages.-1.role", "user", True),
        ("params.messages[2].role", "user", False),
        ("params.messages[-3].role", "system", False),
        ("params.messages.first.role", "system", False),
        ("params.messages[1].content[0].text", {"$regex": "select", "$options": "i"}, True),
        ('params.metadata["user.plan"]', "paid", True),
        ("params.metadata['user.plan']", "paid", True),
        ("params.metadata.user.plan", "paid", False),
        ("params.metadata.0", "zero", True),
        ('params["a.b"]', 1, True),
        # some of many
        ("params.messages[*].role", "user", True),
        ("params.messages[*].role", "tool", False),
        ("params.messages[*].role", {"$ne": "tool"}, True),
        ("params.messages[*].role", {"$ne": "user"}, False),
        ("params.messages[*].role", {"$not": {"$eq": "user"}}, False),
        ("params.messages[*].content[*].type", "image_url", True),
        ("params.messages[*].absent", {"$exists": True}, False),
        ("params.messages[*].absent", {"$exists": False}, True),
        ("params.absent[*].role", {"$exists": False}, True),
        ("params.model[*]", "g", False),
        ("params.metadata.tags[*]", {"$in": ["y", "z"]}, True),
        # flat names, dots and all
        ("metadata.user.plan", "gold", True),
        ('metadata["user.plan"]', "gold", True),
        ("headers.x-tier", "gold", True),
        ("headers.X-Tier", "gold", True),
    ],
)
def test_an_operator_on_a_path(path, asked, so):
    assert holds({path: asked}) is so
    assert holds({"$nor": [{path: asked}]}) is not so


@pytest.mark.parametrize(
    ("query", "so"),
    [
        ({}, True),
        ({"$and": [{"metadata.plan": "paid"}, {"stream": True}]}, True),
        ({"$and": [{"metadata.plan": "paid"}, {"stream": False}]}, False),
        ({"$or": [{"metadata.plan": "free"}, {"stream": True}]}, True),
        ({"$or": [{"metadata.plan": "free"}, {"stream": False}]}, False),
        ({"$nor": [{"metadata.plan": "free"}, {"stream": False}]}, True),
        ({"$nor": [{"metadata.plan": "free"}, {"stream": True}]}, False),
        ({"$not": {"metadata.plan": "free", "stream": True}}, True),
        ({"$not": {"$or": [{"metadata.plan": "free"}, {"stream": True}]}}, False),
        ({"$and": [{"$or": [{"operation": "embed"}, {"operation": "chat"}]}, {"input_tokens": {"$gt": 1000}}]}, True),
    ],
)
def test_groups(query, so):
    assert holds(query) is so


@pytest.mark.parametrize(
    ("bug", "query", "so"),
    [
        # Each row would come out the other way in Portkey's gateway (src/services/conditionalRouter.ts).
        ("operators after $regex are forgotten", {"params.model": {"$regex": "^gpt", "$ne": "gpt-4o"}}, False),
        ("operators after a failing $regex too", {"params.model": {"$not": {"$regex": "^claude", "$eq": "gpt-4o"}}}, True),
        ("neighbours of $and are forgotten", {"$and": [{"metadata.plan": "paid"}], "metadata.tier": 4}, False),
        ("neighbours of $or are forgotten", {"$or": [{"metadata.plan": "paid"}], "metadata.tier": 4}, False),
        ("$and beside $or is forgotten", {"$or": [{"metadata.tier": 3}], "$and": [{"metadata.tier": 4}]}, False),
        ("neighbours before a group hold too", {"metadata.tier": 4, "$or": [{"metadata.plan": "paid"}]}, False),
        ("nothing below the first level", {"params.messages.0.role": "system"}, True),
        ("nor with brackets", {"params.messages[0].role": "system"}, True),
        ("names with dots in them", {"metadata.user.plan": "gold"}, True),
        ("headers", {"headers.x-tier": "gold"}, True),
        ("a number is what a text begins with", {"params.unit": {"$gte": 12}}, False),
        ("dates compare by their year", {"metadata.since": {"$gt": "2026-02-01"}}, True),
        ("a pattern is tried on the text 'undefined'", {"metadata.absent": {"$regex": "def"}}, False),
        ("case cannot be ignored", {"params.model": {"$regex": "GPT", "$options": "i"}}, True),
    ],
)
def test_what_portkey_gets_wrong(bug, query, so):
    assert holds(query) is so, bug


@pytest.mark.parametrize(
    ("query", "where", "what"),
    [
        ([], "", "must be an object"),
        ("x", "", "must be an object"),
        ({1: "x"}, "", "quote it"),
        ({"metadata.plan": {1: "x"}}, ".metadata.plan", "quote it"),
        ({"$and": {}}, ".$and", "list of queries"),
        ({"$or": []}, ".$or", "one at least"),
        ({"$and": [{"metadata.a": 1}, {"metadata.plan": {"$gtx": 1}}]}, ".$and[1].metadata.plan.$gtx", "is no operator"),
        ({"$or": ["x"]}, ".$or[0]", "must be an object"),
        ({"$not": []}, ".$not", "must be an object"),
        ({"$xor": []}, ".$xor", "$nor"),
        ({"$eq": 1}, ".$eq", "below a path"),
        ({"$regex": "x"}, ".$regex", "below a path"),
        ({"metadata.plan": {}}, ".metadata.plan", "asks for nothing"),
        ({"metadata.plan": ["a"]}, ".metadata.plan", "$in"),
        ({"metadata.plan": {"eq": "a"}}, ".metadata.plan.eq", "is no operator"),
        ({"metadata.plan": {"$eq": ["a"]}}, ".metadata.plan.$eq", "must be a text, a number"),
        ({"metadata.plan": {"$ne": {}}}, ".metadata.plan.$ne", "must be a text, a number"),
        ({"metadata.plan": float("nan")}, ".metadata.plan", "must be"),
        ({"metadata.plan": "x" * 5000}, ".metadata.plan", "4096"),
        ({"metadata.plan": {"$in": "a"}}, ".metadata.plan.$in", "must be a list"),
        ({"metadata.plan": {"$in": ["a", ["b"]]}}, ".metadata.plan.$in[1]", "must be"),
        ({"metadata.plan": {"$nin": ["a"] * 1001}}, ".metadata.plan.$nin", "1000"),
        ({"metadata.plan": {"$gt": "soon"}}, ".metadata.plan.$gt", "must be a number, a date"),
        ({"metadata.plan": {"$gt": True}}, ".metadata.plan.$gt", "must be a number"),
        ({"metadata.plan": {"$gt": "1e9999"}}, ".metadata.plan.$gt", "must be a number"),
        ({"metadata.plan": {"$gt": "2026-13-01"}}, ".metadata.plan.$gt", "must be a number"),
        ({"metadata.plan": {"$exists": 1}}, ".metadata.plan.$exists", "true or false"),
        ({"metadata.plan": {"$regex": 1}}, ".metadata.plan.$regex", "must be a text"),
        ({"metadata.plan": {"$regex": "("}}, ".metadata.plan.$regex", "missing )"),
        ({"metadata.plan": {"$regex": "(?=a)"}}, ".metadata.plan.$regex", "$not"),
        ({"metadata.plan": {"$regex": "a" * 1001}}, ".metadata.plan.$regex", "1000"),
        ({"metadata.plan": {"$regex": "a", "$options": "g"}}, ".metadata.plan.$regex", "unknown flag 'g'"),
        ({"metadata.plan": {"$regex": "a", "$options": 1}}, ".metadata.plan.$options", "must be a text"),
        ({"metadata.plan": {"$options": "i"}}, ".metadata.plan.$options", "beside $regex"),
        ({"metadata.plan": {"$not": "x"}}, ".metadata.plan.$not", "object of operators"),
        ({"metadata.plan": {"$not": {"$gtx": 1}}}, ".metadata.plan.$not.$gtx", "is no operator"),
        ({"params.messages": {"$size": {}}}, ".params.messages.$size", "asks for nothing"),
        ({"params.messages": {"$size": "x"}}, ".params.messages.$size", "must be a number"),
        ({"params.messages": {"$size": {"$gt": "x"}}}, ".params.messages.$size.$gt", "must be a number"),
        ({"params.messages": {"$size": {"$regex": "x"}}}, ".params.messages.$size.$regex", "is not known here"),
        ({"model": {"$size": 1}}, ".model.$size", "counts the elements"),
        # what the fact can never be
        ({"model": 4}, ".model", "must be a text"),
        ({"model": None}, ".model", "must be a text"),
        ({"operation": "chatt"}, ".operation", "chat, respond"),
        ({"operation": {"$in": ["chat", "talk"]}}, ".operation.$in[1]", "chat, respond"),
        ({"stream": "true"}, ".stream", "true or false"),
        ({"stream": {"$gt": 1}}, ".stream.$gt", "no order"),
        ({"stream": {"$regex": "t"}}, ".stream.$regex", "compares texts"),
        ({"input_tokens": "1000"}, ".input_tokens", "must be a number"),
        ({"input_tokens": {"$gt": "2026-01-01"}}, ".input_tokens.$gt", "must be a number"),
        ({"input_tokens": {"$gt": True}}, ".input_tokens.$gt", "must be a number"),
        ({"time.weekday": "Monday"}, ".time.weekday", "monday, tuesday"),
        ({"time.hour": {"$gte": "09:00"}}, ".time.hour.$gte", "must be a number"),
        ({"time.date": {"$gt": 5}}, ".time.date.$gt", "must be a date"),
        ({"time.date": "tomorrow"}, ".time.date", "must be a date"),
        ({"time.hhmm": {"$gt": "9:00"}}, ".time.hhmm.$gt", "must be a time"),
        ({"time.hhmm": {"$lt": 930}}, ".time.hhmm.$lt", "must be a time"),
        # paths to nowhere
        ({"metdata.plan": "x"}, ".metdata.plan", "metadata.*"),
        ({"metadata": "x"}, ".metadata", "which of the metadata"),
        ({"headers.authorization": "x"}, ".headers.authorization", "may carry a secret"),
    ],
)
def test_a_wrong_query_is_refused_where_it_is_wrong(query, where, what):
    with pytest.raises(Refusal) as caught:
        compile_query(query, AT)
    refusal = caught.value
    assert (refusal.status, refusal.code, refusal.param) == (400, "invalid_config", AT + where)
    assert what in refusal.message
    assert refusal.message.startswith(refusal.param)


def nested(depth, inner):
    for level in range(depth):
        inner = {"$not": inner} if level % 2 else {"$and": [inner]}
    return inner


def test_a_query_has_bounds():
    assert holds(nested(DEPTH, {"stream": True})) in (True, False)
    with pytest.raises(Refusal, match="deep"):
        compile_query(nested(DEPTH + 1, {"stream": True}), AT)
    below = {"$eq": 1}
    for _ in range(DEPTH + 1):
        below = {"$not": below}
    with pytest.raises(Refusal, match="deep"):
        compile_query({"metadata.a": below}, AT)
    many = {"$or": [{"metadata.a": {"$gt": 0, "$lt": 9}}] * (CLAUSES // 2)}
    compile_query(many, AT)
    with pytest.raises(Refusal, match=f"more than {CLAUSES}"):
        compile_query({**many, "stream": True}, AT)
    patterns = {"$or": [{"model": {"$regex": "a"}}] * PATTERNS}
    compile_query(patterns, AT)
    with pytest.raises(Refusal, match=f"more than {PATTERNS}"):
        compile_query({**patterns, "key.name": {"$regex": "b"}}, AT)


def test_what_decides_comes_first_and_the_rest_is_not_asked():
    facts = TableFacts(stream=False, model="m")
    query = compile_query({"stream": True, "model": "m", "params.messages[0].role": "user"}, AT)
    assert not query.holds(facts)
    assert facts.asked == [("stream", "")]
    assert query.asks == {"stream", "model", "params"}
    assert repr(query) == "Predicate(model, params, stream)"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({}, "it asks for nothing"),
        ({"metadata.plan": "paid"}, "metadata.plan is 'paid'"),
        ({"metadata.plan": "free"}, "metadata.plan is not 'free' (it is 'paid')"),
        ({"metadata.absent": "free"}, "metadata.absent is not 'free' (it is not there)"),
        ({"metadata.plan": {"$ne": "paid"}}, "metadata.plan is 'paid'"),
        (
            {"metadata.beta": True, "metadata.tier": {"$gt": 2}},
            "metadata.beta is true and metadata.tier is greater than 2 (it is 3)",
        ),
        ({"metadata.beta": True, "metadata.tier": {"$lt": 2}}, "metadata.tier is not less than 2 (it is 3)"),
        (
            {"metadata.tier": {"$gte": 3, "$lte": 3}},
            "metadata.tier is at least 3 (it is 3) and metadata.tier is at most 3 (it is 3)",
        ),
        ({"metadata.plan": {"$in": ["a", "b"]}}, "metadata.plan is none of 'a', 'b' (it is 'paid')"),
        ({"metadata.plan": {"$in": list("abcdef")}}, "metadata.plan is none of 'a', 'b', 'c', 'd', 'e', … (it is 'paid')"),
        ({"metadata.plan": {"$in": []}}, "metadata.plan is none of nothing (it is 'paid')"),
        ({"metadata.plan": {"$exists": True}}, "metadata.plan is there (it is 'paid')"),
        ({"metadata.absent": {"$exists": True}}, "metadata.absent is not there"),
        ({"metadata.plan": {"$exists": False}}, "metadata.plan is there (it is 'paid')"),
        ({"model": {"$regex": "^gpt"}}, "model matches /^gpt/ (it is 'gpt-4o')"),
        ({"model": {"$regex": "^GPT", "$options": "si"}}, "model matches /^GPT/is (it is 'gpt-4o')"),
        ({"model": {"$regex": "z" * 60}}, f"model does not match /{'z' * 48}…/ (it is 'gpt-4o')"),
        ({"$or": [{"stream": False}, {"model": "gpt-4o"}]}, "model is 'gpt-4o'"),
        (
            {"$or": [{"stream": False}, {"model": "o3"}]},
            "stream is not false (it is true) and model is not 'o3' (it is 'gpt-4o')",
        ),
        ({"$not": {"stream": True}}, "stream is true"),
        ({"params.stop": {"$eq": 1}}, "params.stop is not 1 (it is null)"),
        (
            {"params.messages": {"$size": {"$gt": 2}}},
            "params.messages has no length that is greater than 2 (it is a list of 2)",
        ),
        ({"params.messages": {"$size": 2}}, "params.messages has a length that is 2 (it is a list of 2)"),
        ({"params.metadata": 1}, "params.metadata is not 1 (it is an object)"),
        ({"params.max_tokens": {"$lt": 9}}, "params.max_tokens is not less than 9 (it is 2000)"),
        ({"params.messages[*].role": "user"}, "params.messages[*].role: one is 'user'"),
        ({"params.messages[*].role": {"$ne": "user"}}, "params.messages[*].role: one is 'user'"),
        ({"params.messages[*].role": {"$in": ["tool"]}}, "params.messages[*].role: none is one of 'tool'"),
        # texts of bodies and headers are not repeated
        ({"params.model": "o3"}, "params.model is not 'o3'"),
        ({"params.messages[0].content": {"$regex": "b"}}, "params.messages[0].content matches /b/"),
        ({"headers.x-tier": "iron"}, "headers.x-tier is not 'iron'"),
    ],
)
def test_a_condition_explains_itself(query, why):
    assert compile_query(query, AT).why(FACTS) == why


def test_an_explanation_is_short():
    long = compile_query({f"metadata.{letter * 100}": {"$exists": False} for letter in "abcdef"}, AT)
    assert long.holds(FACTS)
    assert len(long.why(FACTS)) == SENTENCE
    assert long.why(FACTS).endswith("…")
    assert compile_query({"metadata.a": "x" * 60}, AT).why(FACTS) == f"metadata.a is not '{'x' * 48}…' (it is not there)"


def test_every_operator_has_a_row():
    rows = next(mark for mark in test_an_operator_on_a_path.pytestmark).args[1]
    said = {name for _, asked, _ in rows if isinstance(asked, dict) for name in asked}
    assert said >= {*OPERATORS, "$regex", "$options", "$size", "$not"}
