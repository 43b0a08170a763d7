"""A real OpenID provider on this machine, and someone's browser at it."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from urllib.parse import parse_qsl

import httpx
import pytest

with warnings.catch_warnings(record=True):  # authlib, which it is made with, announces its own successor
    from oidc_provider_mock import User, run_server_in_thread

#: For tests that use it: its thread warns as well.
quiet = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ANN = User(sub="ann", claims={"email": "Ann@Example.com", "email_verified": True, "name": "Ann", "groups": ["ml"]})


@contextmanager
def provider(**more):
    """A provider that runs, and where."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    with run_server_in_thread(user_claims=[ANN], **more) as server:
        yield f"http://localhost:{server.server_port}"


def chosen(url, sub="ann", **form):
    """(where, with what) the browser of someone who logs in at the provider is sent back."""
    answer = httpx.post(url, data={"sub": sub, **form}, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    where, _, query = answer.headers["location"].partition("?")
    return where, dict(parse_qsl(query))
