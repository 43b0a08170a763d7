"""Images, documents, films and sounds as Converse's blocks: a format from a fixed list, and bytes or a place in S3.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.core.content import Media
from lockgate.core.request import Request
from lockgate.dialects.media import LIKELY_MIME, data_url, mime_of_name

_Object = dict[str, Any]

#: Media type → format, by the block that it belongs into.
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
    # Text of another kind is text all the same.
    "application/json": "txt",
    "application/xml": "txt",
    "application/x-yaml": "txt",
}
_VIDEOS = {
    "video/x-matroska": "mkv",
    "video/quicktime": "mov",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
_SOUNDS = {
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/mp4": "m4a",
    "audio/webm": "webm",
}
#: How the bytes of images and of PDF begin, in base64: they tell the type better than the sender.
_BEGINNINGS = {
    "iVBORw": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi0": "application/pdf",
}
_S3 = "s3://"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9()\[\]-]+")
_LONGEST_NAME = 180


#: Format → media type, as a caller's block tells it. Formats with two types have the one that comes first above.
MIME_OF_FORMAT = {
    format: mime for formats in (_SOUNDS, _VIDEOS, _DOCUMENTS, _IMAGES) for mime, format in reversed(formats.items())
}


def format_of_image(mime: str) -> str:
    """The format of an image that we tell a caller of."""
    return _IMAGES.get(mime, "png")


class Names:
    """Names of documents as the API takes them: in its letters, and no two alike in a request."""

    __slots__ = ("_used",)

    def __init__(self) -> None:
        self._used: set[str] = set()

    def take(self, told: str) -> str:
        """A name for a document that is called `told`, if at all."""
        stem = told.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        base = name = _NOT_IN_NAMES.sub(" ", stem).strip()[:_LONGEST_NAME] or "Document"
        number = 1
        while name in self._used:
            number += 1
            name = f"{base} {number}"
        self._used.add(name)
        return name


def media_block(media: Media, names: Names, request: Request) -> _Object | None:
    """The block; None, and a loss, for what the API has none for."""
    mime = _mime(media)
    place = media.url or media.file_id
    if place and not place.startswith(_S3):
        request.lose(f"{media.kind} by {'URL' if media.url else 'id'}")
        return None
    source = {"s3Location": {"uri": place}} if place else {"bytes": media.data or data_url(media).partition(",")[2]}
    for kind, formats in (("image", _IMAGES), ("video", _VIDEOS), ("audio", _SOUNDS)):
        if mime in formats and (place or source["bytes"]):
            return {kind: {"format": formats[mime], "source": source}}
    format = _DOCUMENTS.get(mime) or ("txt" if mime.startswith("text/") else "")
    if not format or not (place or source["bytes"]):
        request.lose(f"{mime or media.kind} input")
        return None
    return {"document": {"format": format, "name": names.take(media.name), "source": source}}


def _mime(media: Media) -> str:
    if media.kind in ("image", "file"):
        for begin, mime in _BEGINNINGS.items():
            if media.data.startswith(begin):
                return mime
    if media.text and not media.mime:
        return "text/plain"
    return (media.mime or mime_of_name(media.name or media.url) or LIKELY_MIME[media.kind]).lower()
