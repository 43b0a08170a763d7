"""The Images API: pictures from a text, from other pictures and a text (edits), or from a picture alone (variations).

Sources: https://platform.openai.com/docs/api-reference/images; `seed`, `negative_prompt` and `aspect_ratio` are no members of
OpenAI's, but most hosts of other models spell them so. Edits and variations are forms, edits may be JSON.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, given
from lockgate.core.query import Painting, Picture, Pictures
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import WholeCodec
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import refusing, shaped
from lockgate.dialects.media import data_url, from_url, mime_of_name
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.error import native_error, read_error, write_error
from lockgate.dialects.openai.events import Tap
from lockgate.dialects.openai.relays import observe
from lockgate.dialects.openai.usage import usage_of
from lockgate.wire.multipart import Form, Part

MADE, EDITED, VARIED = "openai.images", "openai.image_edits", "openai.image_variations"

#: Members that are words, and their names in the query.
_WORDS = {
    "model": "model",
    "prompt": "prompt",
    "negative_prompt": "avoid",
    "size": "size",
    "aspect_ratio": "aspect",
    "quality": "quality",
    "output_format": "format",
    "user": "user",
}
_NUMBERS = {"n": "count", "output_compression": "compression", "seed": "seed"}
#: Members of this API that a query has no place for.
_LOST = (
    "background",
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "input_fidelity",
    "markup",
    "moderation",
    "safety_identifier",
    "svg",
)
_PICTURES = ("image", "images", "mask")
_KNOWN = frozenset((*_WORDS, *_NUMBERS, *_LOST, *_PICTURES, "response_format", "partial_images", "stream"))
#: The styles of a retired model; others are other models' own.
_STYLES = (b'"vivid"', b'"natural"')
#: How the words of forms look that are numbers or yes and no, and how the names of those end that are texts all the same.
_PLAIN = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d+)?|true|false")
_TEXTS = ("prompt", "text", "user", "model", "identifier")


class _Reference(msgspec.Struct):
    image_url: str = ""
    file_id: str = ""


class _Image(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None


class _Answer(msgspec.Struct):
    created: int | None = None
    data: list[_Image] | None = None
    output_format: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


def _reader(needed: tuple[str, ...]) -> Callable[[Sheet], Painting]:
    """A reader of requests that say what is `needed`, the members in the query's names."""

    @refusing
    def read_request(sheet: Sheet) -> Painting:
        """A caller's request; raises `Refusal`."""
        query = Painting(images=_images(sheet))
        for names, kind in ((_WORDS, str), (_NUMBERS, int)):
            for member, name in names.items():
                if (value := sheet.get(member, kind)) is not None and value != "auto":
                    setattr(query, name, value)
        for name in needed:
            if not getattr(query, name):
                at = name.removesuffix("s")
                raise Refusal(400, "missing_member", f"The request has no {at}; set '{at}'.", param=at)
        said = sheet.get("mask", cast("type[str | _Reference]", str | _Reference))
        if said is not None:
            query.mask = _media(said, "mask")
        if sheet.get("stream", bool):
            message = "This provider does not stream pictures; leave 'stream' out."
            raise Refusal(400, "unsupported_stream", message, param="stream")
        query.linked = sheet.get("response_format", str) == "url"
        query.extra = {name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None}
        if bytes(query.extra.get("style", b"")) in _STYLES:
            del query.extra["style"]
            query.lose("style")
        for name in _LOST:
            if (value := sheet.raw(name)) is not None and bytes(value) not in (b"null", b'"auto"'):
                query.lose(name)
        return query

    return read_request


def _images(sheet: Sheet) -> list[Media]:
    """The pictures to begin with: `images`, references; or `image`, one address or several."""
    many = sheet.get("images", list[str | _Reference])
    if many is not None:
        return [_media(each, f"images[{index}]") for index, each in enumerate(many)]
    said = sheet.get("image", cast("type[str | list[str]]", str | list[str]))
    listed = [said] if isinstance(said, str) else said or []
    return [_media(each, "image" if isinstance(said, str) else f"image[{index}]") for index, each in enumerate(listed)]


def _media(said: str | _Reference, at: str) -> Media:
    if isinstance(said, _Reference):
        if said.file_id:
            return Media("image", file_id=said.file_id)
        said, at = said.image_url, f"{at}.image_url"
    try:
        return from_url(said, "image")
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"'{at}': {error}.", param=at) from None


def read_form(form: Form) -> Sheet:
    """A form as JSON: files become data URLs, words that are numbers become numbers."""
    sheet = Sheet()
    images: list[dict[str, str]] = []
    for part in form.parts:
        name = part.name.removesuffix("[]")
        if name in ("image", "images"):
            images.append({"image_url": _address(form, part)})
        elif part.value is None:
            sheet.set(name, {"image_url": _address(form, part)} if name == "mask" else _address(form, part))
        else:
            said = form.text(part.name) or ""
            plain = _PLAIN.fullmatch(said) and not name.lower().endswith(_TEXTS)
            sheet.set(name, msgspec.Raw(said.encode()) if plain else said)
    if images:
        sheet.set("images", images)
    return sheet


def _address(form: Form, part: Part) -> str:
    """A file as a data URL; a field's text as it is."""
    data = form.content(part)
    if part.value is not None:
        return data.decode("utf-8", "replace")
    kind = part.kind if part.kind.startswith("image/") else mime_of_name(part.file or "") or "image/png"
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def write_request(query: Painting) -> Sheet:
    """The body for a host of this dialect."""
    sheet = Sheet()
    for names in (_WORDS, _NUMBERS):
        for member, name in names.items():
            if (value := getattr(query, name)) not in ("", None):
                sheet.set(member, value)
    if query.images:
        sheet.set("images", [_reference(each) for each in query.images])
    if query.mask is not None:
        sheet.set("mask", _reference(query.mask))
    if query.linked:
        sheet.set("response_format", "url")
    for name, value in query.extra.items():
        sheet.set(name, value)
    return sheet


def _reference(media: Media) -> dict[str, str]:
    return {"file_id": media.file_id} if media.file_id else {"image_url": media.url or data_url(media)}


def read_reply(body: bytes, query: Painting) -> Pictures | Failure:
    """A provider's answer."""
    try:
        shape = shaped(body, _Answer)
        if given(shape.error):
            return failure_of(msgspec.json.decode(body), body=body)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if shape.data is None:
        return unreadable("it has no data", body)
    kind = f"image/{shape.output_format or query.format or 'png'}"
    pictures = [
        Picture(Media("image", data=each.b64_json or "", url=each.url or "", mime=kind), each.revised_prompt or "")
        for each in shape.data
    ]
    return Pictures(created=shape.created or 0, usage=usage_of(shape.usage, images=len(pictures)), pictures=pictures)


def write_reply(result: Pictures, query: Painting) -> bytes:
    """The caller's answer. Who wants addresses and can have none is given the pictures as data URLs."""
    data: list[dict[str, str]] = []
    for each in result.pictures:
        media = each.media
        if query.linked or not media.data:
            made = {"url": media.url or data_url(media)}
        else:
            made = {"b64_json": media.data}
        data.append({**made, "revised_prompt": each.prompt} if each.prompt else made)
    answer: dict[str, Any] = {"created": result.created, "data": data}
    if result.usage is not None and (result.usage.input or result.usage.output):
        answer["usage"] = _usage(result.usage)
    return encode(answer)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "input_tokens_details": {"text_tokens": usage.input - usage.image_input, "image_tokens": usage.image_input},
        "output_tokens_details": {"text_tokens": usage.output - usage.image_output, "image_tokens": usage.image_output},
    }


def _build(name: str, *needed: str) -> WholeCodec[Painting, Pictures]:
    return WholeCodec[Painting, Pictures](
        name=name,
        read_request=_reader(needed),
        write_request=write_request,
        read_reply=read_reply,
        write_reply=write_reply,
        read_form=read_form,
        observe=observe,
        tap=Tap,
        read_error=read_error,
        write_error=write_error,
        stream_error=stream_error,
        native_error=native_error,
        passes=(b"openai-organization", b"openai-project", b"openai-beta"),
    )


CODEC = _build(MADE, "prompt")
CODEC_EDITS = _build(EDITED, "images", "prompt")
CODEC_VARIATIONS = _build(VARIED, "images")
