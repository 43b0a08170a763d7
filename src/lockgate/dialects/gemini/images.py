"""Pictures by the Gemini models that draw, which are asked as all others are (generateContent) and answer with inline data.

Members that the caller's dialect does not know are the body's.

Source: https://ai.google.dev/gemini-api/docs/image-generation
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Declined, Media, Text
from lockgate.core.failure import Failure, Refusal
from lockgate.core.query import Painting, Picture, Pictures
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeTarget
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.generate.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.gemini.generate.read_reply import observe
from lockgate.dialects.gemini.generate.read_reply import read_reply as read_answer
from lockgate.dialects.pictures import inline, pixels, ratio

NAME = "gemini.images"

_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
#: Longer sides, in pixels, from which a picture is asked for in a larger size. Only models since the third know sizes.
_SIZES = ((3072, "4K"), (1536, "2K"))
_UNSIZED = ("gemini-2",)


def write_request(query: Painting) -> Sheet:
    """The body for a provider; raises `Refusal` for a mask, and pictures by address."""
    if query.mask is not None:
        message = "This model takes no mask: say in the prompt where the picture is to change."
        raise Refusal(400, "unsupported_mask", message, param="mask")
    parts: list[dict[str, Any]] = [{"text": query.prompt}] if query.prompt else []
    for index, each in enumerate(query.images):
        parts.append({"inlineData": {"mimeType": each.mime or "image/png", "data": inline(each, f"image[{index}]")}})
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    image: dict[str, Any] = {}
    if found := ratio(query, _RATIOS):
        image["aspectRatio"] = found
    if (size := pixels(query.size)) and not query.model.startswith(_UNSIZED):
        name = next((name for least, name in _SIZES if max(size) > least), "")
        if name:
            image["imageSize"] = name
    if image:
        config["imageConfig"] = image
    if query.seed is not None:
        config["seed"] = query.seed
    sheet = Sheet()
    sheet.set("contents", [{"role": "user", "parts": parts}])
    sheet.set("generationConfig", config)
    for name, value in query.extra.items():
        sheet.set(name, value)
    for name, value in (
        ("n", (query.count or 1) > 1),
        ("negative_prompt", query.avoid),
        ("quality", query.quality),
        ("output_format", query.format not in ("", "png")),
        ("output_compression", query.compression is not None),
        ("user", query.user),
    ):
        if value:
            query.lose(name)
    return sheet


def read_reply(body: bytes, query: Painting) -> Pictures | Failure:
    """A provider's answer: its pictures. One without any is a failure, whose sentence is what the model said instead."""
    reply = read_answer(body)
    if isinstance(reply, Failure):
        return reply
    parts = [part for choice in reply.choices for part in choice.parts]
    pictures = [Picture(part) for part in parts if isinstance(part, Media) and part.kind == "image" and part.data]
    if pictures:
        return Pictures(id=reply.id, model=reply.model, usage=reply.usage, pictures=pictures)
    said = " ".join(part.text for part in parts if isinstance(part, Text | Declined)).strip()
    finish = reply.choices[0].finish if reply.choices else None
    if finish is not None and finish.reason == "content_filter":
        message = said or f"The provider's filters held the picture back ({finish.raw})."
        return failure_of({"message": message, "code": "content_filter"}, 400, body)
    return unreadable(f"it has no picture, but says: {said}" if said else "it has no picture", body)


CODEC = WholeTarget[Painting, Pictures](
    name=NAME,
    write_request=write_request,
    read_reply=read_reply,
    observe=observe,
    tap=None,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    passes=(b"x-goog-user-project", b"x-goog-api-client"),
    name_model=None,
)
