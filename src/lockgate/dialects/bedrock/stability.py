"""Stability AI's models by Bedrock's `invoke`: pictures from a text or a picture, and services that each do one thing to one.

One picture is made a request. Members that the caller's dialect does not know are the model's own (`strength`, `search_prompt`,
`left` …).

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html,
…/model-parameters-diffusion-stable-ultra-text-image-request-response.html and …/stable-image-services.html
"""

from __future__ import annotations

import msgspec

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE
from lockgate.core.query import Painting, Picture, Pictures
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.codec import WholeTarget
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import shaped
from lockgate.dialects.observing import observer
from lockgate.dialects.pictures import inline, mask, only_one, ratio

NAME = "bedrock.stability"

_RATIOS = ("16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
_FORMATS = ("png", "jpeg", "webp")
#: How much a picture changes that is drawn anew, when the caller does not say; the API has no default of its own.
_STRENGTH = 0.65
#: What the names of models hold that draw pictures, from a text alone, or from a picture too; all others are services.
_FROM_TEXT, _FROM_PICTURE = ("stable-image-core", "stable-image-ultra"), ("sd3",)


class _Answer(msgspec.Struct):
    images: list[str] | None = None
    seeds: list[int] | None = None
    finish_reasons: list[str | None] | None = None


def write_request(query: Painting) -> Sheet:
    """The body for a provider; raises `Refusal` for a picture or a mask that the model does not take."""
    sheet = Sheet()
    if query.prompt:
        sheet.set("prompt", query.prompt)
    if query.avoid:
        sheet.set("negative_prompt", query.avoid)
    if query.images:
        _add_picture(sheet, query)
    elif found := ratio(query, _RATIOS):
        sheet.set("aspect_ratio", found)
    if query.seed is not None:
        sheet.set("seed", query.seed)
    if query.format in _FORMATS:
        sheet.set("output_format", query.format)
    elif query.format:
        query.lose("output_format")
    for name, value in query.extra.items():
        sheet.set(name, value)
    only_one(query)
    for name, value in (("quality", query.quality), ("output_compression", query.compression), ("user", query.user)):
        if value not in ("", None):
            query.lose(name)
    return sheet


def _add_picture(sheet: Sheet, query: Painting) -> None:
    """The picture to begin with: of a model that draws it anew, of a service that does something to it."""
    data = inline(query.images[0], "image")
    if any(each in query.model for each in _FROM_TEXT):
        raise _cannot("image", "This model makes pictures from a text alone; stability.sd3-5-large takes a picture too.")
    sheet.set("init_image" if "style-transfer" in query.model else "image", data)
    if any(each in query.model for each in _FROM_PICTURE):
        if query.mask is not None:
            raise _cannot("mask", "This model draws the whole picture anew; stability.stable-image-inpaint takes a mask.")
        sheet.set("mode", "image-to-image")
        if "strength" not in query.extra:
            sheet.set("strength", _STRENGTH)
    elif query.mask is not None:
        sheet.set("mask", mask(query.mask, "white"))
    for name, value in (("size", query.size), ("aspect_ratio", query.aspect)):
        if value:
            query.lose(name)


def _cannot(param: str, message: str) -> Refusal:
    return Refusal(400, "unsupported_input", message, param=param)


def read_reply(body: bytes, query: Painting) -> Pictures | Failure:
    """A provider's answer; one that was filtered says so in place of the picture."""
    try:
        shape = shaped(body, _Answer)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if reasons := [each for each in shape.finish_reasons or () if each]:
        filtered = any("filter" in each.lower() for each in reasons)
        code, status = ("content_filter", 400) if filtered else ("server_error", 502)
        return failure_of({"message": "; ".join(reasons), "code": code}, status, body)
    if not shape.images:
        return unreadable("it has no images", body)
    kind = f"image/{query.format if query.format in _FORMATS else 'png'}"
    pictures = [Picture(Media("image", data=each, mime=kind)) for each in shape.images]
    return Pictures(usage=Usage(images=len(pictures)), pictures=pictures)


CODEC = WholeTarget[Painting, Pictures](
    name=NAME,
    write_request=write_request,
    read_reply=read_reply,
    observe=observer(read_reply, Painting()),
    tap=None,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    name_model=None,
)
