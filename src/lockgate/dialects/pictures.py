"""Pictures between dialects: sizes as pixels or as ratios, pictures as base64, and masks, which mean the opposite elsewhere."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from lockgate.core.content import Media
from lockgate.core.failure import Refusal
from lockgate.core.query import Painting

_SIZE = re.compile(r"([1-9]\d{1,4})x([1-9]\d{1,4})")
_RATIO = re.compile(r"([1-9]\d{0,3}):([1-9]\d{0,3})")
#: How far a ratio may be from the one that is said in its place: 1792x1024 is 16:9 to everybody.
_NEAR = 0.03
#: How much of a PNG, in base64, tells whether it is transparent (its palette at most stands before that).
_HEAD = 2048
_PNG = b"\x89PNG\r\n\x1a\n"
#: PNG colour types with an alpha channel, and where the type stands.
_ALPHA, _COLOUR = (4, 6), 25


def pixels(size: str) -> tuple[int, int] | None:
    """Width and height; None for a size that says neither ("auto")."""
    match = _SIZE.fullmatch(size)
    return (int(match[1]), int(match[2])) if match else None


def ratio(query: Painting, offered: Iterable[str]) -> str:
    """The ratio among those `offered` that the query asks for; "" when it asks for none, or for another, which is lost."""
    asked = _SIZE.fullmatch(query.size) or _RATIO.fullmatch(query.aspect)
    if asked is None:
        if query.size or query.aspect:
            query.lose("size" if query.size else "aspect_ratio")
        return ""
    wanted = int(asked[1]) / int(asked[2])
    distance, nearest = min((abs(_value(each) / wanted - 1), each) for each in offered)
    if distance > _NEAR:
        query.lose("size" if query.size else "aspect_ratio")
        return ""
    return nearest


def _value(ratio: str) -> float:
    width, _, height = ratio.partition(":")
    return int(width) / int(height)


def inline(media: Media, at: str) -> str:
    """A picture as base64; raises `Refusal` for one that is only named."""
    if not media.data:
        message = f"'{at}' must be the picture itself (a file, or a data URL): this provider fetches none."
        raise Refusal(400, "unsupported_input", message, param=at)
    return media.data


def mask(media: Media, colour: str) -> str:
    """A mask for a model that wants it opaque, with `colour` where the picture is to change; raises `Refusal` for one that is
    transparent there, as OpenAI's are."""
    data = inline(media, "mask")
    if transparent(data):
        raise Refusal(
            400,
            "unsupported_mask",
            "'mask' has transparency. This model wants it in black and white, without transparency: "
            f"{colour} where the picture is to change.",
            param="mask",
        )
    return data


def transparent(data: str) -> bool:
    """Whether a picture in base64 is a PNG with transparency (https://www.w3.org/TR/png-3/)."""
    try:
        head = base64.b64decode(data[:_HEAD])
    except (binascii.Error, ValueError):
        return False
    return head.startswith(_PNG) and len(head) > _COLOUR and (head[_COLOUR] in _ALPHA or b"tRNS" in head)


def only_one(query: Painting) -> None:
    """Note what is lost where a model takes one picture at most and makes one."""
    for index in range(1, len(query.images)):
        query.lose(f"image[{index}]")
    if (query.count or 1) > 1:
        query.lose("n")
