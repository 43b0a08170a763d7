"""Media between dialects: data URLs, media types by file name, and the kind of a media type.

Sources: RFC 2397 (data URLs); the media types are those that the dialects' own documents list as accepted.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from urllib.parse import unquote_to_bytes, urlsplit

from lockgate.core.content import Media, MediaKind

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)

#: File name ending → media type. A fixed table, because the platform's own differs from machine to machine.
MIME_OF_ENDING: dict[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "bmp": "image/bmp",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "json": "application/json",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "htm": "text/html",
    "xml": "text/xml",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mpga": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "avi": "video/x-msvideo",
    "mkv": "video/x-matroska",
}
_ENDING_OF_MIME = {mime: ending for ending, mime in reversed(MIME_OF_ENDING.items())}

#: The media type that is likeliest when nothing tells it.
LIKELY_MIME: dict[MediaKind, str] = {
    "image": "image/jpeg",
    "audio": "audio/mpeg",
    "video": "video/mp4",
    "file": "application/pdf",
}


def mime_of_name(name: str) -> str:
    """The media type that a file name or the path of a URL tells, or ""."""
    if "://" in name:
        try:
            name = urlsplit(name).path
        except ValueError:
            return ""
    return MIME_OF_ENDING.get(posixpath.splitext(name)[1][1:].lower(), "")


def file_name(media: Media) -> str:
    """The file's name, or one that tells its media type."""
    return media.name or "file." + _ENDING_OF_MIME.get(media.mime or LIKELY_MIME[media.kind], "bin")


def kind_of_mime(mime: str, fallback: MediaKind = "file") -> MediaKind:
    """The kind of media that a media type names."""
    head = mime.partition("/")[0]
    if head == "image":
        return "image"
    if head == "audio":
        return "audio"
    if head == "video":
        return "video"
    return "file" if mime else fallback


def from_url(url: str, kind: MediaKind, mime: str = "") -> Media:
    """Media that a URL names or, as a data URL, holds; raises `ValueError` when it is neither http(s), gs nor data."""
    if match := _DATA_URL.match(url):
        payload = url[match.end() :]
        if not match[3]:
            payload = base64.b64encode(unquote_to_bytes(payload)).decode()
        return Media(kind, data=payload, mime=match[1].lower() or mime)
    if not url.startswith(("https://", "http://", "gs://")):
        raise ValueError("a URL (https://…) or a data URL (data:image/png;base64,…) is expected")
    return Media(kind, url=url, mime=mime)


def data_url(media: Media) -> str:
    """Inline media as a data URL (text is encoded)."""
    data = media.data or base64.b64encode(media.text.encode()).decode()
    mime = media.mime or ("text/plain" if media.text else mime_of_name(media.name) or LIKELY_MIME[media.kind])
    return f"data:{mime};base64,{data}"


def plain_text(media: Media) -> str | None:
    """The text of inline media of a text type, or None when it is no text."""
    if media.text:
        return media.text
    if not media.data or not media.mime.startswith("text/"):
        return None
    try:
        return base64.b64decode(media.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
