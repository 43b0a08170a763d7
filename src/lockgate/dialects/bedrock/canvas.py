"""Amazon's own picture models by Bedrock's `invoke`: Nova Canvas and the Titan Image Generator, which share a body.

What is to be done is a task with parameters of its own. Members that the caller's dialect does not know are the task's, objects
among them the body's; `taskType` chooses another task than the query lets expect.

Sources: https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html,
https://docs.aws.amazon.com/nova/latest/userguide/image-gen-access.html (masks),
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-image.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, readable
from lockgate.core.query import Painting, Picture, Pictures
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.codec import WholeTarget
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import refusing, shaped
from lockgate.dialects.observing import observer
from lockgate.dialects.pictures import inline, mask, pixels

NAME = "bedrock.canvas"

_CONFIG = "imageGenerationConfig"
_TASK, _MASK_PROMPT = "taskType", "maskPrompt"


class _Task(msgspec.Struct, frozen=True):
    """Where a task's parameters stand, where among them its picture, or its `pictures`, and what else it takes."""

    parameters: str
    picture: str = "image"
    pictures: bool = False
    masked: bool = False
    sized: bool = True
    told: bool = True  # by a text, and how it shall be done


_TASKS: dict[str, _Task] = {
    "TEXT_IMAGE": _Task("textToImageParams", "conditionImage"),
    "COLOR_GUIDED_GENERATION": _Task("colorGuidedGenerationParams", "referenceImage"),
    "IMAGE_VARIATION": _Task("imageVariationParams", "images", pictures=True),
    "INPAINTING": _Task("inPaintingParams", masked=True, sized=False),
    "OUTPAINTING": _Task("outPaintingParams", masked=True, sized=False),
    "BACKGROUND_REMOVAL": _Task("backgroundRemovalParams", sized=False, told=False),
}
#: The colour of a mask where the picture is to change.
_COLOUR = {"OUTPAINTING": "white"}
_QUALITY = {
    "standard": "standard",
    "low": "standard",
    "medium": "standard",
    "premium": "premium",
    "high": "premium",
    "hd": "premium",
    "xhigh": "premium",
    "max": "premium",
}


class _Answer(msgspec.Struct):
    images: list[str] | None = None
    error: str | None = None


@refusing
def write_request(query: Painting) -> Sheet:
    """The body for a provider; raises `Refusal` for a task that is none, a mask of another kind, and pictures by address."""
    name = _task(query)
    task = _TASKS[name]
    parameters = _parameters(query, name, task)
    config = _config(query, task)
    sheet = Sheet()
    sheet.set(_TASK, name)
    for member, value in query.extra.items():
        if member == _TASK:
            continue
        if not bytes(value).startswith(b"{"):
            (config if member == "cfgScale" else parameters)[member] = value
        elif member in (task.parameters, _CONFIG):
            (config if member == _CONFIG else parameters).update(readable(value, dict[str, Any], member))
        else:
            sheet.set(member, value)
    sheet.set(task.parameters, parameters)
    if config:
        sheet.set(_CONFIG, config)
    for member, value in (("output_format", query.format not in ("", "png")), ("output_compression", query.compression)):
        if value:
            query.lose(member)
    if query.aspect and not query.size:
        query.lose("aspect_ratio")
    if query.user:
        query.lose("user")
    return sheet


def _task(query: Painting) -> str:
    if (raw := query.extra.get(_TASK)) is not None:
        said = readable(raw, str, _TASK)
        if said not in _TASKS:
            raise Refusal(400, "invalid_value", f"'{_TASK}' must be one of {', '.join(_TASKS)}.", param=_TASK)
        return said
    if query.mask is not None or _MASK_PROMPT in query.extra:
        return "INPAINTING"
    return "IMAGE_VARIATION" if query.images else "TEXT_IMAGE"


def _parameters(query: Painting, name: str, task: _Task) -> dict[str, Any]:
    made: dict[str, Any] = {}
    data = [inline(each, f"image[{index}]") for index, each in enumerate(query.images)]
    if data:
        made[task.picture] = data if task.pictures else data[0]
    for index in range(1, 0 if task.pictures else len(data)):
        query.lose(f"image[{index}]")
    for member, text, lost in (("text", query.prompt, "prompt"), ("negativeText", query.avoid, "negative_prompt")):
        if text and task.told:
            made[member] = text
        elif text:
            query.lose(lost)
    if query.mask is not None and task.masked:
        made["maskImage"] = mask(query.mask, _COLOUR.get(name, "black"))
    elif query.mask is not None:
        query.lose("mask")
    return made


def _config(query: Painting, task: _Task) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if query.size:
        if task.sized and (size := pixels(query.size)):
            made["width"], made["height"] = size
        else:
            query.lose("size")
    for member, value, lost in (
        ("numberOfImages", query.count, "n"),
        ("quality", _QUALITY.get(query.quality) if query.quality else None, "quality"),
        ("seed", query.seed, "seed"),
    ):
        if value is not None and task.told:
            made[member] = value
        elif value is not None or (lost == "quality" and query.quality):
            query.lose(lost)
    return made


def read_reply(body: bytes, query: Painting) -> Pictures | Failure:
    """A provider's answer. Pictures that its filters hold back are missing; when all are, it says so."""
    try:
        shape = shaped(body, _Answer)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if not shape.images:
        if shape.error:
            return failure_of({"message": shape.error, "code": "content_filter"}, 400, body)
        return unreadable("it has no images", body)
    pictures = [Picture(Media("image", data=each, mime="image/png")) for each in shape.images]
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
