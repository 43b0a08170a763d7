"""Imagen by Vertex AI's `predict`: pictures from a text, or edits of one, of which a mask tells where.

Members that the caller's dialect does not know are parameters of the model.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api and …/imagen-api-edit
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, given
from lockgate.core.query import Painting, Picture, Pictures
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeTarget
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.generate.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.lenient import shaped
from lockgate.dialects.observing import observer
from lockgate.dialects.pictures import inline, mask, pixels, ratio

NAME = "gemini.imagen"

_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
_FORMATS = ("png", "jpeg")
#: What the names of models hold that edit.
_EDITS = "capability"
#: The longer side, in pixels, from which a picture is asked for in the larger of two sizes.
_LARGE = 1536


class _Prediction(msgspec.Struct, rename="camel"):
    bytes_base64_encoded: str | None = None
    mime_type: str | None = None
    prompt: str | None = None
    rai_filtered_reason: str | None = None


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | None = None
    error: msgspec.Raw = msgspec.Raw()


def write_request(query: Painting) -> Sheet:
    """The body for a provider; raises `Refusal` for a picture or a mask that the model does not take."""
    instance: dict[str, Any] = {"prompt": query.prompt} if query.prompt else {}
    parameters: dict[str, Any] = {"sampleCount": query.count or 1, "includeRaiReason": True}
    if query.images:
        _add_picture(instance, parameters, query)
    else:
        if found := ratio(query, _RATIOS):
            parameters["aspectRatio"] = found
        if (size := pixels(query.size)) and max(size) > _LARGE:
            parameters["sampleImageSize"] = "2K"
    if query.avoid:
        parameters["negativePrompt"] = query.avoid
    if query.seed is not None:  # a picture with a watermark has no seed
        parameters["seed"], parameters["addWatermark"] = query.seed, False
    output: dict[str, Any] = {}
    if query.format in _FORMATS:
        output["mimeType"] = f"image/{query.format}"
    elif query.format:
        query.lose("output_format")
    if query.compression is not None:
        output["compressionQuality"] = query.compression
    if output:
        parameters["outputOptions"] = output
    parameters.update(query.extra)
    for name in ("quality", "user"):
        if getattr(query, name):
            query.lose(name)
    sheet = Sheet()
    sheet.set("instances", [instance])
    sheet.set("parameters", parameters)
    return sheet


def _add_picture(instance: dict[str, Any], parameters: dict[str, Any], query: Painting) -> None:
    if _EDITS not in query.model:
        message = "This model makes pictures from a text alone; ask one that edits (imagen-3.0-capability-001)."
        raise Refusal(400, "unsupported_input", message, param="image")
    given_ones = [_reference("RAW", 1, inline(query.images[0], "image"))]
    if query.mask is not None:
        drawn = _reference("MASK", 2, mask(query.mask, "white"))
        given_ones.append({**drawn, "maskImageConfig": {"maskMode": "MASK_MODE_USER_PROVIDED"}})
    instance["referenceImages"] = given_ones
    parameters["editMode"] = "EDIT_MODE_DEFAULT" if query.mask is None else "EDIT_MODE_INPAINT_INSERTION"
    for index in range(1, len(query.images)):
        query.lose(f"image[{index}]")
    for name, value in (("size", query.size), ("aspect_ratio", query.aspect)):
        if value:
            query.lose(name)


def _reference(kind: str, number: int, data: str) -> dict[str, Any]:
    return {"referenceType": f"REFERENCE_TYPE_{kind}", "referenceId": number, "referenceImage": {"bytesBase64Encoded": data}}


def read_reply(body: bytes, query: Painting) -> Pictures | Failure:
    """A provider's answer. In the place of a picture that its filters hold back stands why; none at all is the same."""
    try:
        shape = shaped(body, _Answer)
        if given(shape.error):
            return failure_of(msgspec.json.decode(body), body=body)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    predictions = shape.predictions or []
    pictures = [
        Picture(Media("image", data=each.bytes_base64_encoded, mime=each.mime_type or "image/png"), each.prompt or "")
        for each in predictions
        if each.bytes_base64_encoded
    ]
    if not pictures:
        why = next((each.rai_filtered_reason for each in predictions if each.rai_filtered_reason), "")
        message = why or "The provider's filters held all pictures back."
        return failure_of({"message": message, "code": "content_filter"}, 400, body)
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
    passes=(b"x-goog-user-project", b"x-goog-api-client"),
    name_model=None,
)
