import pytest

from lockgate.core.failure import Refusal
from lockgate.policy.facts import DEEPEST, FACTS, LONGEST, MISSING, Each, known, read_path, steps_of, time_zone
from support.facts import TableFacts

EACH = Each.EACH


@pytest.mark.parametrize(
    ("text", "name", "key", "steps"),
    [
        ("model", "model", "", ()),
        ("key.name", "key.name", "", ()),
        ("url.pathname", "url.pathname", "", ()),
        ("metadata.plan", "metadata", "plan", ()),
        ("metadata.user.plan", "metadata", "user.plan", ()),
        ("metadata._user", "metadata", "_user", ()),
        ('metadata["a b"]', "metadata", "a b", ()),
        ("headers.X-Tier", "headers", "x-tier", ()),
        ("headers['x-tier']", "headers", "x-tier", ()),
        ("headers.x-max-tokens", "headers", "x-max-tokens", ()),
        ("params.model", "params", "model", ()),
        ("params.messages.0.role", "params", "messages", (0, "role")),
        ("params.messages[-1].role", "params", "messages", (-1, "role")),
        ("params.messages[*].content[*].type", "params", "messages", (EACH, "content", EACH, "type")),
        ('params["a.b"]["c]"]', "params", "a.b", ("c]",)),
        ("params.a.*", "params", "a", ("*",)),
        ("params.a.007", "params", "a", ("007",)),
        ("time.hour", "time.hour", "", ()),
        ("time.Europe/Berlin.hour", "time.hour", "Europe/Berlin", ()),
        ("time.America/Argentina/Buenos_Aires.hhmm", "time.hhmm", "America/Argentina/Buenos_Aires", ()),
        ("time.UTC.weekday", "time.weekday", "UTC", ()),
    ],
)
def test_a_path_is_read(text, name, key, steps):
    path = read_path(text, "at")
    assert (path.text, path.name, path.key, path.steps) == (text, name, key, steps)
    assert path.fact is FACTS[name]
    assert path.many is (EACH in steps)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "names nothing"),
        ("plan", "names nothing"),
        ("Metadata.plan", "names nothing"),
        ("key", "names nothing"),
        ("key.secret", "names nothing"),
        ("model.name", "names nothing"),
        ("time", "names nothing"),
        ("time.second", "names nothing"),
        ("time.Europe/Berlin.second", "names nothing"),
        ("time.Europe/Nowhere.hour", "no time zone"),
        ("time.Europe.hour", "no time zone"),
        ("time.../../etc/passwd.hour", "no time zone"),
        ("time./etc/localtime.hour", "no time zone"),
        (f"time.{'z' * 240}.hour", "no time zone"),
        ("metadata.", "which of the metadata"),
        ("metadata[0]", "which of the metadata"),
        ("headers", "which of the headers"),
        ("headers.x tier", "no header's name"),
        ("headers.x:tier", "no header's name"),
        ("headers.größe", "no header's name"),
        ("params", "member of the body"),
        ("params[0]", "member of the body"),
        ("params[*].role", "member of the body"),
        ("params..a", "cannot be read"),
        ("params.a.", "cannot be read"),
        ("params.a[", "cannot be read"),
        ("params.a[x]", "cannot be read"),
        ("params.a[01]", "cannot be read"),
        ("params.a[-0]", "cannot be read"),
        ('params.a[""]', "cannot be read"),
        ("params.a[9999999999]", "cannot be read"),
        ("params" + ".a" * (DEEPEST + 1), "cannot be read"),
        ("params." + "a" * LONGEST, "more than 256"),
    ],
)
def test_a_path_to_nowhere_is_refused(text, what):
    with pytest.raises(Refusal, match=what) as caught:
        read_path(text, "the.place")
    assert caught.value.param == "the.place"


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "Proxy-Authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "x-lockgate-api-key",
        "x-portkey-api-key", "x-portkey-config", "x-lockgate-config", "x-portkey-aws-secret-access-key",
        "x-portkey-aws-session-token", "x-portkey-vertex-service-account-json", "x-portkey-azure-entra-client-secret",
        "x-amz-security-token", "x-auth-token", "x_api_key", "x.secret", "cf-access-jwt-assertion", "x-apikey",
    ],
)  # fmt: skip
def test_headers_that_carry_secrets_have_no_name(name):
    with pytest.raises(Refusal, match="may carry a secret"):
        read_path(f"headers.{name}", "at")


@pytest.mark.parametrize("name", ["x-tier", "user-agent", "x-keyboard", "x-tokens", "x-author", "accept-language", "monkey"])
def test_other_headers_have_one(name):
    assert read_path(f"headers.{name}", "at").key == name


def test_a_path_is_followed():
    facts = TableFacts(params={"a": {"b": [1, {"c": None}, [2, 3]], "2": "two"}}, model="m")

    def value(text):
        return read_path(text, "at").of(facts)

    assert value("model") == "m"
    assert value("workspace") is MISSING
    assert value("params.a.b[0]") == 1
    assert value("params.a.b[1].c") is None
    assert value("params.a.b[1].c.d") is MISSING
    assert value("params.a.b[-4]") is MISSING
    assert value("params.a.2") == "two"
    assert value("params.a.b.c") is MISSING
    assert value("params.a.b[*]") == (1, {"c": None}, [2, 3])
    assert value("params.a.b[*].c") == (None,)
    assert value("params.a.b[*][*]") == (2, 3)
    assert value("params.a[*]") == ()
    assert value("params.absent.b[*]") == ()
    assert value("params.absent.b") is MISSING


def test_steps_that_cannot_be_read_are_none():
    assert steps_of("") == ()
    assert steps_of(".a[0]") == ("a", 0)
    assert steps_of("a") is None


def test_missing_says_so():
    assert repr(MISSING) == "MISSING"
    assert bool(MISSING)  # `or` would not do where a fact may be false


def test_time_zones_are_told_apart():
    assert time_zone("") is time_zone("")
    assert str(time_zone("Asia/Kolkata")) == "Asia/Kolkata"
    assert time_zone("Nowhere") is None


def test_the_groups_are_known_with_a_place_in_them():
    assert "metadata.*" in known()
    assert "model" in known()
    assert len(known()) == len(FACTS)
