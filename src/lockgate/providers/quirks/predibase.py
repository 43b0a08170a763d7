"""What Predibase wants of a chat body: the deployment stands in the path, and the body's model names an adapter to it.

Source: https://docs.predibase.com/user-guide/inference/migrate-openai
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.sheet import Sheet


def adapter(sheet: Sheet, model: str, headers: Mapping[bytes, bytes]) -> list[str]:
    """The adapter of DEPLOYMENT:ADAPTER; none for the deployment as it is."""
    sheet.set("model", model.partition(":")[2])
    return []
