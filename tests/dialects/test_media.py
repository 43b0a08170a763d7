"""Media between dialects: data URLs, media types and names."""

import pytest

from lockgate.core.content import Media
from lockgate.dialects.media import data_url, file_name, from_url, kind_of_mime, mime_of_name, plain_text


@pytest.mark.parametrize(
    ("url", "media"),
    [
        ("data:image/png;base64,iVBO", Media("image", data="iVBO", mime="image/png")),
        ("data:IMAGE/PNG;charset=x;BASE64,iVBO", Media("image", data="iVBO", mime="image/png")),
        ("data:text/plain,a%20b", Media("image", data="YSBi", mime="text/plain")),
        ("data:,hi", Media("image", data="aGk=", mime="image/x-given")),
        ("https://x.org/a.png", Media("image", url="https://x.org/a.png", mime="image/x-given")),
        ("gs://bucket/a", Media("image", url="gs://bucket/a", mime="image/x-given")),
    ],
)
def test_a_url_names_media_or_holds_them(url, media):
    assert from_url(url, "image", "image/x-given") == media


@pytest.mark.parametrize("url", ["", "cat.png", "file:///etc/passwd", "javascript:alert(1)", "data:nothing"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match="is expected"):
        from_url(url, "image")


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.PDF", "application/pdf"),
        ("https://x.org/a/b.webp?c=d.png#e.gif", "image/webp"),
        ("https://x.org", ""),
        ("no ending", ""),
        ("http://[broken", ""),
    ],
)
def test_a_name_tells_its_media_type(name, mime):
    assert mime_of_name(name) == mime


def test_a_data_url_comes_back_from_media():
    url = "data:application/pdf;base64,JVBE"
    assert data_url(from_url(url, "file")) == url
    assert data_url(Media("file", text="é")) == "data:text/plain;base64,w6k="
    assert data_url(Media("image", data="iVBO")) == "data:image/jpeg;base64,iVBO"


@pytest.mark.parametrize(
    ("mime", "kind"),
    [("image/png", "image"), ("audio/wav", "audio"), ("video/mp4", "video"), ("text/csv", "file"), ("", "file")],
)
def test_a_media_type_tells_its_kind(mime, kind):
    assert kind_of_mime(mime) == kind


def test_a_file_without_a_name_gets_one_that_tells_its_type():
    assert file_name(Media("file", mime="text/csv")) == "file.csv"
    assert file_name(Media("file", name="own.txt")) == "own.txt"
    assert file_name(Media("file", mime="application/x-odd")) == "file.bin"


def test_only_text_is_plain_text():
    assert plain_text(Media("file", data="YSxi", mime="text/csv")) == "a,b"
    assert plain_text(Media("file", text="a")) == "a"
    assert plain_text(Media("file", data="YSxi", mime="application/pdf")) is None
    assert plain_text(Media("file", data="/w==", mime="text/plain")) is None
    assert plain_text(Media("file", data="not base64!", mime="text/plain")) is None
