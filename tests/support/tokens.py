"""Issuers of signed tokens, honest and not, and a client that answers as a script says."""

from __future__ import annotations

import base64
import json
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.exchange import Outgoing


@cache
def rsa_key(name="one", bits=2048):
    """A private RSA key, the same for a name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key(name="one", curve=ec.SECP256R1):
    """A private key on a curve, the same for a name."""
    return ec.generate_private_key(curve())


def jwk(key, kid="1", **more):
    """The public half of a key, as an issuer publishes it."""
    of = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    written = json.loads(of.to_jwk(key.public_key()))
    written.pop("key_ops", None)
    return {**written, "kid": kid, "use": "sig", **more}


def sign(claims, key=None, kid="1", algorithm=None, **head):
    """A token."""
    key = rsa_key() if key is None else key
    algorithm = algorithm or ("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
    headers = {**({"kid": kid} if kid else {}), **head}
    return jwt.encode(claims, key, algorithm, headers=headers)


def forged(head, claims, signature=b""):
    """A token of which every part is what one wants."""
    return ".".join(part(each) for each in (head, claims, signature))


def part(value):
    """A part of a token."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Answers:
    """A client to which each address answers what stands in `said`: JSON, (status, bytes), a `Failure` or a `Refusal`. `asked` has
    what was asked."""

    def __init__(self, said=None):
        self.said = {} if said is None else said
        self.asked = []
        self.open = 0

    async def send(self, destination, outgoing: Outgoing, deadlines, slot=None):
        url = f"{destination.scheme}://{destination.host_header}{outgoing.target.decode()}"
        self.asked.append((outgoing.method, url, dict(outgoing.headers), outgoing.body))
        answer = self.said[url]
        if isinstance(answer, Refusal):
            raise answer
        if isinstance(answer, Failure):
            return answer
        status, body = answer if isinstance(answer, tuple) else (200, json.dumps(answer).encode())
        self.open += 1
        return _Answer(self, status, body)


class _Answer:
    def __init__(self, client, status, body):
        self.status = status
        self._client, self._body = client, body

    async def read(self, limit):
        if isinstance(self._body, Failure):
            return self._body
        return self._body if len(self._body) <= limit else Failure("malformed", 502, "The answer is too long.")

    def close(self):
        self._client.open -= 1
