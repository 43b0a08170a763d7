"""core/structs: no two threads work out the same Struct."""

from __future__ import annotations

import subprocess
import sys

import msgspec

from lockgate.core.structs import resolve_structs

#: Without `resolve_structs` a process that does this dies of a segmentation fault, mostly at once.
RACE = """
import sys, threading, types
import msgspec
from lockgate.core.structs import resolve_structs

sys.setswitchinterval(1e-6)
lines = ["from __future__ import annotations", "import msgspec"]
for n in range(40):
    lines += [f"class I{n}(msgspec.Struct):", "    a: int = 0", "    b: dict[str, list[int]] = {}", "    c: str | None = None"]
lines += ["class Outer(msgspec.Struct):", *(f"    m{n}: I{n} | None = None" for n in range(40))]
for number in range(30):
    module = sys.modules[f"m{number}"] = types.ModuleType(f"m{number}")
    exec("\\n".join(lines), module.__dict__)
    if RESOLVED:
        assert resolve_structs() >= 41
    together = threading.Barrier(3)

    def work():
        together.wait()
        msgspec.json.decode(b'{"m1": {"a": 1}, "m39": {"c": "x"}}', type=module.Outer)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_may_decode_what_was_worked_out_before() -> None:
    assert subprocess.run([sys.executable, "-c", RACE.replace("RESOLVED", "True")], check=False).returncode == 0


def test_each_is_worked_out_once() -> None:
    resolve_structs()

    class New(msgspec.Struct):
        a: int

    class Strange(msgspec.Struct):
        a: bytes | str

    assert resolve_structs() == 2
    assert resolve_structs() == 0
    assert msgspec.json.decode(b'{"a": 1}', type=New) == New(1)
    assert Strange(b"").a == b""
