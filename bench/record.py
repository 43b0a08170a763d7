"""What a request's record costs: `python bench/record.py`. CPU of this process in µs, the best of several rounds.

On the request path: id, record, redaction, price, packing, one write to the spool. Off it, in the scribe: reading, rows,
roll-ups and compressed bodies. Bodies are 1.5 kB asked and 1 kB answered.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lockgate.core.record import Attempt, Record, new_id, pack
from lockgate.core.redact import Redactor
from lockgate.core.reply import Usage
from lockgate.policy.price import cost
from lockgate.providers.prices import Prices
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.spool import Spool, frame

TEXT = (
    "the gateway records every request with its tokens cost latency route and payload so that history can be priced again "
    "and nothing is lost when a worker dies because the record is written before the last byte leaves"
)


def now_us() -> int:
    return time.time_ns() // 1000


def bodies(draw: random.Random) -> tuple[bytes, bytes]:
    """A request of 1.5 kB and an answer of 1 kB, as a provider would have them."""
    words = TEXT.split()
    asked = " ".join(draw.choices(words, k=235))
    told = " ".join(draw.choices(words, k=105))
    usage = {"prompt_tokens": 290, "completion_tokens": 130, "total_tokens": 420, "prompt_tokens_details": {"cached_tokens": 0}}
    message = {"role": "assistant", "content": told, "refusal": None}
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": asked}], "max_tokens": 500}
    reply = {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "model": "gpt-4o-2024-08-06", "choices": [message], "usage": usage}
    return json.dumps(request).encode(), json.dumps(reply).encode()


RAW = msgspec.Raw(
    b'{"prompt_tokens":290,"completion_tokens":130,"total_tokens":420,"prompt_tokens_details":{"cached_tokens":0}}'
)


def build(time_us: int, chance: int, request: bytes, response: bytes) -> Record:
    """A record as the pipeline fills one."""
    id = new_id(time_us, chance)
    return Record(
        id=id,
        time_us=time_us,
        trace_id=id.replace("-", ""),
        key_id="key_01",
        key_name="team blue",
        provider="openai",
        provider_kind="openai",
        operation="chat",
        path="/v1/chat/completions",
        dialect_in="openai.chat",
        dialect_out="openai.chat",
        gear="relay",
        model_asked="gpt-4o",
        model_sent="gpt-4o",
        model_served="gpt-4o-2024-08-06",
        status=200,
        finish="stop",
        attempts=[Attempt(target="config", provider="openai", model="gpt-4o", status=200, start_us=120, duration_us=812_345)],
        usage=Usage(input=290, output=130, raw=RAW),
        usage_source="provider",
        cost_nusd=2_025_000,
        price_version="genai-prices 0.2.3",
        latency_us=812_600,
        ttft_us=812_400,
        gateway_us=140,
        bytes_in=len(request),
        bytes_out=len(response),
        revision="9f86d081",
        request=request,
        response=response,
    )


def measure(name: str, work: Callable[[], object], rounds: int = 9, times: int = 5000) -> None:
    """The best round's CPU time per call."""
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, (time.process_time_ns() - began) / times / 1000)
    print(f"{name:44} {best:7.2f}")


def main() -> None:
    draw = random.Random(1)
    request, response = bodies(draw)
    print(f"µs of CPU; bodies {len(request)} + {len(response)} bytes\n")
    with tempfile.TemporaryDirectory(prefix="lockgate-bench-") as place:
        data = Path(place)
        spool = Spool(data / "spool", clock=now_us, report=print, capacity=2**40)
        record = build(now_us(), draw.getrandbits(62), request, response)
        packed = pack(record)
        framed = frame(packed)
        prices, redactor = Prices(), Redactor()
        prices.flat("openai", "gpt-4o", record.time_us)
        usage, flat = Usage(input=290, output=130), prices.flat("openai", "gpt-4o", record.time_us)
        assert flat is not None
        with open(data / "plain", "ab", buffering=0) as plain:
            fd = plain.fileno()
            measure("a bare write of the same bytes", lambda: os.write(fd, framed))
        measure("redact both bodies (nothing found)", lambda: (redactor(request), redactor(response)))
        measure("find a price", lambda: prices.flat("openai", "gpt-4o", record.time_us))
        measure("price the usage", lambda: cost(usage, flat))
        measure("an id", lambda: new_id(record.time_us, 123_456_789))
        measure("build", lambda: build(record.time_us, 123_456_789, request, response))
        measure("pack", lambda: pack(record))
        measure("frame (CRC-32)", lambda: frame(packed))
        measure("append to the spool (pack, frame, write)", lambda: spool.append(record))
        measure("build and append", lambda: spool.append(build(now_us(), draw.getrandbits(62), request, response)))
        spool.close()
        ingest(data, draw)


def ingest(data: Path, draw: random.Random, count: int = 20_000) -> None:
    """The scribe's part, and what is left on disk."""
    spool = Spool(data / "ingest", clock=now_us, report=print)
    for n in range(count):
        spool.append(build(now_us() + n, draw.getrandbits(62), *bodies(draw)))
    spool.close()
    store = SqliteLog(data / "log", report=print)
    work = Ingest(data / "ingest", store, report=print)
    began = time.process_time_ns()
    while work.step():
        pass
    spent = (time.process_time_ns() - began) / count / 1000
    store.close()
    size = sum(path.stat().st_size for path in (data / "log").iterdir()) / count
    print(f"{'ingest (read, rows, roll-ups, compression)':44} {spent:7.2f}   {size:.0f} bytes a record kept")


if __name__ == "__main__":
    main()
