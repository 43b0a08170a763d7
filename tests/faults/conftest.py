"""A gateway whose providers are all on one faulty upstream, with names enough for each test to have its own."""

import pytest

from support.faulty import Faulty, closed_port, full_port
from support.process import Gateway, until

#: How many providers of each kind there are.
MANY = 250


def configuration(upstream, closed, full):
    lines = ["timeouts: {connect: 1.0}", "log: {capture: metadata}", "providers:"]
    for name, port in (("refusing", closed), ("stuck", full)):
        lines.append(f"  {name}: {{provider: openai, api_key: sk-{name}, base_url: 'http://127.0.0.1:{port}/v1'}}")
    for n in range(MANY):
        lines.append(
            f"  gpt{n}: {{provider: openai, api_key: sk-upstream-secret-{n:04d}, base_url: '{upstream.url(f'gpt{n}')}'}}"
        )
        lines.append(
            f"  claude{n}: {{provider: anthropic, api_key: sk-ant-secret-{n:04d}, base_url: '{upstream.url(f'claude{n}')}'}}"
        )
    return "\n".join(lines)


@pytest.fixture(scope="session")
def upstream():
    faulty = Faulty()
    yield faulty
    faulty.close()


@pytest.fixture(scope="session")
def gateway(upstream, nobody, tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("faults"), configuration(upstream, *nobody)).ready()
    yield gateway
    gateway.stop()


@pytest.fixture
def pair(upstream, nobody, tmp_path):
    """A gateway of two workers."""
    gateway = Gateway(tmp_path, configuration(upstream, *nobody), "--workers", "2").ready()
    until(lambda: len(gateway.sockets()) == 2)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def nobody():
    """Ports where nobody answers: one refuses, one lets callers wait."""
    with closed_port() as closed, full_port() as full:
        yield closed, full


@pytest.fixture(scope="session")
def slugs():
    return {kind: iter(range(MANY)) for kind in ("gpt", "claude")}


class Provider:
    """One provider of the gateway, and what its upstream does and sees."""

    def __init__(self, upstream, slug):
        self._upstream = upstream
        self.slug = slug

    def plays(self, *plays):
        self._upstream.plays(self.slug, *plays)
        return self

    @property
    def asked(self):
        return self._upstream.asked(self.slug)

    def target(self, model="m", **more):
        return {"provider": f"@{self.slug}", "override_params": {"model": model}, **more}


@pytest.fixture
def gpt(upstream, slugs):
    """A new OpenAI, that nothing is known of."""
    return lambda *plays: Provider(upstream, f"gpt{next(slugs['gpt'])}").plays(*plays)


@pytest.fixture
def claude(upstream, slugs):
    """A new Anthropic."""
    return lambda *plays: Provider(upstream, f"claude{next(slugs['claude'])}").plays(*plays)
