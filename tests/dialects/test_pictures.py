"""Sizes, ratios and masks between dialects."""

import base64
import struct
import zlib

import pytest

from lockgate.core.content import Media
from lockgate.core.failure import Refusal
from lockgate.core.query import Painting
from lockgate.dialects.pictures import inline, mask, only_one, pixels, ratio, transparent


def png(colour, *chunks):
    """A PNG's first chunks (https://www.w3.org/TR/png-3/#5Chunk-layout), one pixel large, in base64."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, colour, 0, 0, 0))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(*each) for each in chunks)).decode()


OPAQUE, ALPHA = png(2, (b"IDAT", b"x")), png(6, (b"IDAT", b"x"))


@pytest.mark.parametrize(
    ("size", "found"), [("1024x1536", (1024, 1536)), ("", None), ("auto", None), ("1024", None), ("0x5", None), ("9x9", None)]
)
def test_a_size_is_width_and_height(size, found):
    assert pixels(size) == found


@pytest.mark.parametrize(
    ("query", "found", "losses"),
    [
        (Painting(size="1024x1024"), "1:1", []),
        (Painting(size="1536x1024"), "3:2", []),
        (Painting(size="1792x1024"), "16:9", []),
        (Painting(aspect="21:9"), "21:9", []),
        (Painting(size="1024x1536", aspect="1:1"), "", ["size"]),
        (Painting(size="large"), "", ["size"]),
        (Painting(aspect="wide"), "", ["aspect_ratio"]),
        (Painting(aspect="1:4"), "", ["aspect_ratio"]),
        (Painting(), "", []),
    ],
)
def test_a_ratio_is_one_of_those_offered_or_lost(query, found, losses):
    assert (ratio(query, ("1:1", "3:2", "16:9", "21:9")), query.losses) == (found, losses)


def test_a_picture_by_address_is_refused_where_none_is_fetched():
    assert inline(Media("image", data="QQ=="), "image") == "QQ=="
    with pytest.raises(Refusal) as caught:
        inline(Media("image", url="https://x/y.png"), "image[1]")
    assert (caught.value.status, caught.value.param) == (400, "image[1]")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (OPAQUE, False),
        (png(0, (b"IDAT", b"x")), False),
        (ALPHA, True),
        (png(4, (b"IDAT", b"x")), True),
        (png(3, (b"PLTE", b"\0" * 768), (b"tRNS", b"\0")), True),
        (png(3, (b"PLTE", b"\0\0\0"), (b"IDAT", b"x")), False),
        (base64.b64encode(b"\xff\xd8\xff\xe0 a JPEG").decode(), False),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(), False),
        ("no base64", False),
        ("é", False),
    ],
)
def test_a_transparent_png_is_known_by_its_head(data, told):
    assert transparent(data) is told


def test_a_transparent_mask_is_refused_with_what_is_wanted():
    assert mask(Media("image", data=OPAQUE), "black") == OPAQUE
    with pytest.raises(Refusal) as caught:
        mask(Media("image", data=ALPHA), "black")
    assert caught.value.param == "mask" and "black where the picture is to change" in caught.value.message


def test_all_but_one_is_lost_where_one_is_taken_and_made():
    query = Painting(images=[Media("image")] * 3, count=2)
    only_one(query)
    assert query.losses == ["image[1]", "image[2]", "n"]
    query = Painting(images=[Media("image")], count=1)
    only_one(query)
    assert query.losses == []
