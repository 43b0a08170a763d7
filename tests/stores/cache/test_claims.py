"""stores/cache/claims: what one worker claims the others do not have, and nobody has it longer than its worker lives."""

import subprocess
import sys

import pytest

from lockgate.stores.cache.claims import Claims

KEY, OTHER = b"k" * 32, b"o" * 32
WORKER = """
import sys
from pathlib import Path
from lockgate.stores.cache.claims import Claims
claims = Claims(Path(sys.argv[1]))
for line in sys.stdin:
    word, key = line.split()
    print({"take": claims.take, "drop": claims.drop}[word](bytes.fromhex(key)), flush=True)
"""


class Worker:
    """Claims in a process of its own."""

    def __init__(self, path):
        command = [sys.executable, "-c", WORKER, str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, word, key=KEY):
        self.process.stdin.write(f"{word} {key.hex()}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def ends(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "claims"


@pytest.fixture
def claims(path):
    claims = Claims(path)
    yield claims
    claims.close()


@pytest.fixture
def worker(path):
    worker = Worker(path)
    yield worker
    worker.ends()


def test_what_one_worker_has_the_other_does_not_get_until_it_is_let_go(claims, worker):
    assert claims.take(KEY)
    assert worker("take") == "False"
    assert worker("take", OTHER) == "True"
    assert not claims.take(OTHER)
    claims.drop(KEY)
    assert worker("take") == "True"
    assert not claims.take(KEY)


def test_a_claim_goes_with_its_worker_however_it_ends(claims, worker):
    assert worker("take") == "True"
    assert not claims.take(KEY)
    worker.ends()
    assert claims.take(KEY)


def test_a_worker_lets_go_when_all_of_its_requests_have(claims, worker):
    assert claims.take(KEY) and claims.take(KEY)
    claims.drop(KEY)
    assert worker("take") == "False"
    claims.drop(KEY)
    assert worker("take") == "True"


def test_the_end_of_a_claim_is_seen_by_who_looked_before(claims, worker):
    assert worker("take") == "True"
    before, elsewhere = claims.seen(KEY), claims.seen(OTHER)
    worker("drop")
    assert claims.seen(KEY) != before
    assert claims.seen(OTHER) == elsewhere


def test_what_is_let_go_after_the_end_is_no_trouble(claims):
    assert claims.take(KEY)
    claims.close()
    claims.drop(KEY)
    claims.close()
    assert claims.take(OTHER)  # each worker asks for itself
