"""OpenTelemetry's own variables, as far as they speak of an exporter of traces and metrics by OTLP/HTTP.

What `telemetry:` says comes before them. Sources: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote

import msgspec

Signal = Literal["traces", "metrics"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics")
_PROTOCOLS = ("http/protobuf", "http/json")
_TEMPORALITIES = {"cumulative": "cumulative", "delta": "delta", "lowmemory": "delta"}


class SignalEnvironment(msgspec.Struct, frozen=True):
    """What is said of one signal. An empty member is not said."""

    endpoint: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    protocol: str = ""
    compression: str = ""
    timeout_s: float = 0.0
    ca_file: str = ""

    def __repr__(self) -> str:
        return "SignalEnvironment()"  # there may be a key in it


class OtelEnvironment(msgspec.Struct, frozen=True):
    """All of it. `signals` are those that have an endpoint; `flaws`: what cannot be meant."""

    signals: dict[str, SignalEnvironment] = {}
    resource: dict[str, str] = {}
    temporality: str = ""
    flaws: tuple[str, ...] = ()


def read_environment(environment: Mapping[str, str]) -> OtelEnvironment:
    """What the environment says."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return OtelEnvironment()
    flaws: list[str] = []
    signals: dict[str, SignalEnvironment] = {}
    for signal in SIGNALS:
        if environment.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").strip() not in ("otlp", ""):
            continue  # "none", or one that is none of ours
        if (found := _signal(signal, environment, flaws)) is not None:
            signals[signal] = found
    resource = _pairs(environment.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    if name := environment.get("OTEL_SERVICE_NAME"):
        resource["service.name"] = name
    said = environment.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "").strip().lower()
    return OtelEnvironment(signals, resource, _TEMPORALITIES.get(said, ""), tuple(flaws))


def _signal(signal: Signal, environment: Mapping[str, str], flaws: list[str]) -> SignalEnvironment | None:
    def said(name: str) -> str:
        own = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}", "").strip()
        return own or environment.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()

    endpoint = environment.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT", "").strip()  # used as it is
    if not endpoint and (base := environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()):
        endpoint = f"{base.rstrip('/')}/v1/{signal}"
    if not endpoint:
        return None
    protocol = said("PROTOCOL")
    if protocol and protocol not in _PROTOCOLS:
        flaws.append(f"OTEL_EXPORTER_OTLP_PROTOCOL is '{protocol}': here are {' and '.join(_PROTOCOLS)}")
        return None
    try:
        timeout_s = float(said("TIMEOUT") or 0) / 1000
    except ValueError:
        flaws.append("OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds")
        return None
    headers = _pairs(said("HEADERS"))
    if not all(f"{name}{value}".isascii() and f"{name}{value}".isprintable() for name, value in headers.items()):
        flaws.append("OTEL_EXPORTER_OTLP_HEADERS has characters that no header may have")
        return None
    return SignalEnvironment(
        endpoint,
        tuple((name.lower().encode(), value.encode()) for name, value in headers.items()),
        protocol,
        said("COMPRESSION"),
        min(timeout_s, 60.0),
        said("CERTIFICATE"),
    )


def _pairs(text: str) -> dict[str, str]:
    """`a=1,b=2`, with percent-encoded values, as W3C Baggage has it."""
    found: dict[str, str] = {}
    for pair in text.split(","):
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            found[name.strip()] = unquote(value.strip())
    return found
