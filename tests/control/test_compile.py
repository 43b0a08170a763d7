import pytest

from lockgate.control.config import BadConfig, read_text, redis_url
from support.house import make_house


def mistakes(tmp_path, config, **environment):
    with pytest.raises(BadConfig) as caught:
        make_house(tmp_path, config, **environment).snapshot()
    return {mistake.path: mistake.message for mistake in caught.value.mistakes}


def test_the_simulator_is_always_there(tmp_path):
    assert list(make_house(tmp_path).snapshot().providers) == ["sim"]


@pytest.mark.parametrize(
    ("variable", "slug"), [("OPENAI_API_KEY", "openai"), ("ANTHROPIC_API_KEY", "anthropic"), ("GEMINI_API_KEY", "google")]
)
def test_a_key_in_its_usual_variable_makes_a_provider(tmp_path, variable, slug):
    provider = make_house(tmp_path, **{variable: "secret-value"}).snapshot().providers[slug]
    assert any(b"secret-value" in value for _, value in provider.headers)
    assert "secret-value" not in repr(provider)


def test_a_configured_provider_replaces_the_one_of_the_environment(tmp_path):
    config = "providers: {openai: {api_key: mine, base_url: 'https://proxy.example/v1'}}"
    provider = make_house(tmp_path, config, OPENAI_API_KEY="other").snapshot().providers["openai"]
    assert provider.destination.host == "proxy.example"
    assert (b"authorization", b"Bearer mine") in provider.headers


def test_a_key_is_read_from_a_file(tmp_path):
    (tmp_path / "key").write_text("from-file\n")
    provider = make_house(tmp_path, f"providers: {{groq: {{api_key_file: {tmp_path}/key}}}}").snapshot().providers["groq"]
    assert (b"authorization", b"Bearer from-file") in provider.headers


def test_every_mistake_of_meaning_comes_at_once(tmp_path):
    config = """
providers:
  a: {provider: klingon}
  b: {provider: openai}
  Bad Slug: {provider: ollama}
  d: {provider: openai, api_key: k, base_url: "ftp://x"}
  e: {provider: openai, api_key: k, api_key_file: f}
  f: {provider: openai, api_key_file: /no/such/file}
  g: {provider: openai, api_key: k, timeouts: {idle: 0}}
  i: {provider: openai, api_key: k, proxy: "socks://x"}
  h: {provider: openai, api_key: k, headers: {"x y": "1"}}
configs:
  one: {provider: "@nobody"}
  two: {provider: klingon}
egress: {allow: ["300.0.0.0/8", 127.0.0.0/8]}
prices: {nonsense: {input: 1}}
keys: [{name: k}]
aliases: {round: about, about: round, gone: "@nobody/m", bare: m, kept: "@sim/chat"}
"""
    assert set(mistakes(tmp_path, config)) == {
        "providers.a.provider",
        "providers.b.api_key",
        "providers.Bad Slug",
        "providers.d.base_url",
        "providers.e",
        "providers.e.api_key_file",
        "providers.f.api_key_file",
        "providers.g.timeouts.idle",
        "providers.h.headers",
        "providers.i.proxy",
        "configs.one.provider",
        "configs.two.provider",
        "egress.allow[0]",
        "prices",
        "keys[0]",
        "aliases.round",
        "aliases.about",
        "aliases.gone",
        "aliases.bare",
    }


def test_an_account_fills_a_provider_s_address(tmp_path):
    config = "providers: {lake: {provider: databricks, api_key: k, params: {workspace: dbc-1}}}"
    provider = make_house(tmp_path, config).snapshot().providers["lake"]
    assert provider.destination.host == "dbc-1.cloud.databricks.com"
    assert provider.base_path == "/serving-endpoints"


def test_a_provider_of_the_environment_needs_its_account_there_too(tmp_path):
    alone = make_house(tmp_path, RUNPOD_API_KEY="k").snapshot()
    assert "runpod" not in alone.providers
    both = make_house(tmp_path, RUNPOD_API_KEY="k", RUNPOD_ENDPOINT_ID="e1").snapshot()
    assert both.providers["runpod"].base_path == "/v2/e1/openai/v1"


def test_what_is_wrong_with_an_account_names_its_setting(tmp_path):
    config = """
providers:
  a: {provider: databricks, api_key: k}
  b: {provider: databricks, api_key: k, params: {workspace: "x/y"}}
  c: {provider: groq, api_key: k, params: {region: us}}
  d: {provider: milvus}
"""
    assert set(mistakes(tmp_path, config)) == {
        "providers.a.databricks_workspace",
        "providers.b.params.workspace",
        "providers.c.params.region",
        "providers.d.base_url",
    }


def test_the_revision_changes_with_the_configuration_only(tmp_path):
    one = make_house(tmp_path, "log: {retention_days: 3}").snapshot().revision
    assert make_house(tmp_path, "log: {retention_days: 3}").snapshot().revision == one
    assert make_house(tmp_path, "log: {retention_days: 4}").snapshot().revision != one


def test_a_proxy_that_cannot_be_trusted_is_a_mistake(tmp_path):
    config = "server: {trusted_proxies: [10.0.0.0/8, 192.0.2.1, lb.example, 0.0.0.0/0, 10.0.0.1/8]}"
    assert set(mistakes(tmp_path, config)) == {f"server.trusted_proxies[{n}]" for n in (2, 3, 4)}


def test_a_cheaper_model_where_no_budget_leads_to_one_is_a_mistake(tmp_path):
    config = """
providers: {a: {provider: sim, usage_limits: {credit_limit: 1, downgrade_to: cheap}}}
policies: [{name: all, usage: {credit_limit: 1, downgrade_to: cheap}}]
keys: [{name: fine, hash: "sha256:%s", usage_limits: {credit_limit: 1, downgrade_to: cheap}}]
workspace: {usage_limits: [{credit_limit: 1, downgrade_to: cheap}]}
""" % ("ab" * 32)
    assert set(mistakes(tmp_path, config)) == {"providers.a.usage_limits.downgrade_to", "policies[0].usage.downgrade_to"}


def test_a_budget_that_is_more_than_can_be_counted_is_a_mistake_where_it_stands(tmp_path):
    config = """
providers: {a: {provider: sim, usage_limits: {credit_limit: %s}}}
policies: [{name: all, usage: {credit_limit: %s}}]
keys: [{name: fine, hash: "sha256:%s", usage_limits: {credit_limit: 1, alert_threshold: %s}}]
workspace: {usage_limits: [{credit_limit: %s}, {credit_limit: %s, type: tokens}]}
"""
    hash = "ab" * 32
    make_house(tmp_path, config % (10**9, 10**9, hash, 10**9, 10**9, 10**18)).snapshot()
    found = mistakes(tmp_path, config % (10**9 + 1, 10**9 + 1, hash, 10**9 + 1, 10**9 + 1, 10**18 + 1))
    assert found.keys() == {
        "providers.a.usage_limits",
        "policies[0].usage",
        "keys[0].usage_limits",
        "workspace.usage_limits",
    }
    assert "between 0 and 1,000,000,000 US dollars, not at 1000000001" in found["policies[0].usage"]
    tokens = mistakes(tmp_path, config % (1, 1, hash, 1, 1, 10**18 + 1))
    assert tokens.keys() == {"workspace.usage_limits"} and "tokens" in tokens["workspace.usage_limits"]


def test_an_alias_of_a_model_that_its_provider_does_not_admit_is_a_mistake(tmp_path):
    config = """
providers: {groq: {api_key: k, models: ["llama-*"]}}
aliases: {good: "@groq/llama-4", bad: "@groq/gemma"}
"""
    assert mistakes(tmp_path, config) == {"aliases.bad": "'gemma' is not among the models of '@groq'"}


def test_the_url_of_redis_is_checked_and_never_shown(tmp_path):
    found = mistakes(tmp_path, "redis: 'http://:hunter2@host'")
    assert "redis://" in found["redis"]
    assert "hunter2" not in str(found)
    assert mistakes(tmp_path, "redis: 'redis://host'", LOCKGATE_REDIS_URL="nonsense").keys() == {"redis"}


def test_a_cache_that_is_none_is_told(tmp_path):
    found = mistakes(tmp_path, "cache: {store: 'ftp:', max_bytes: 5}")
    assert "sqlite: or memory:" in found["cache.store"]
    assert "1048576" in found["cache.max_bytes"]


def test_a_cache_may_be_far_away_and_its_url_is_never_shown(tmp_path):
    for url in ("redis://:hunter2@host/3", "postgresql://us:hunter2@host/d"):
        config = f"cache: {{store: '{url}'}}"
        make_house(tmp_path, config).snapshot()
        assert "hunter2" not in repr(read_text(config).cache)
    assert "hunter2" not in str(mistakes(tmp_path, "cache: {store: 'mysql://us:hunter2@host'}"))


def test_a_redis_that_is_one_is_taken(tmp_path):
    make_house(tmp_path, "redis: 'redis://:hunter2@host/3'").snapshot()


def test_the_environment_says_where_redis_is_before_the_file_does():
    config = read_text("redis: 'redis://:hunter2@file'")
    assert redis_url(config, {}) == "redis://:hunter2@file"
    assert redis_url(config, {"LOCKGATE_REDIS_URL": "redis://environment"}) == "redis://environment"
    assert "hunter2" not in repr(config)
