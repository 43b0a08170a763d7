"""The Images API: what callers say in JSON and in forms, and what they are answered."""

import json

import pytest
from openai.types import ImagesResponse

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.query import Painting, Picture, Pictures
from lockgate.core.reply import Usage
from lockgate.core.sheet import Sheet
from lockgate.dialects.openai.images import CODEC, CODEC_EDITS, CODEC_VARIATIONS, read_form
from lockgate.wire.multipart import Form

PIXEL = "data:image/png;base64,QUJD"


def read(codec=CODEC, /, **body):
    return codec.read_request(Sheet.open(json.dumps(body).encode()))


def form(*parts):
    made = Form.of(b"multipart/form-data; boundary=b")
    for head, value in parts:
        made.take(b"--b\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + value + b"\r\n")
    made.take(b"--b--\r\n")
    made.close()
    return made


def test_all_that_can_be_said_is_read():
    query = read(
        model="m", prompt="a fox", negative_prompt="hens", n=2, size="1024x1536", quality="high", output_format="webp",
        output_compression=50, seed=7, aspect_ratio="2:3", user="u", response_format="url", cfg=1.5, stream=False,
    )  # fmt: skip
    assert query == Painting(
        model="m", prompt="a fox", avoid="hens", count=2, size="1024x1536", quality="high", format="webp",
        compression=50, seed=7, aspect="2:3", user="u", linked=True, extra=query.extra,
    )  # fmt: skip
    assert {name: bytes(value) for name, value in query.extra.items()} == {"cfg": b"1.5"}


def test_what_is_left_to_the_provider_is_not_said():
    assert read(prompt="p", size="auto", quality="auto", background="auto", moderation=None) == Painting(prompt="p")


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"background": "transparent"}, "background"),
        ({"moderation": "low"}, "moderation"),
        ({"style": "vivid"}, "style"),
        ({"input_fidelity": "high"}, "input_fidelity"),
        ({"safety_identifier": "s"}, "safety_identifier"),
    ],
)
def test_what_has_no_place_is_lost_and_named(said, lost):
    query = read(prompt="p", **said)
    assert query.losses == [lost] and query.extra == {}


def test_a_style_of_another_model_passes():
    query = read(prompt="p", style="PHOTOREALISM")
    assert bytes(query.extra["style"]) == b'"PHOTOREALISM"' and query.losses == []


@pytest.mark.parametrize(
    ("codec", "body", "param"),
    [
        (CODEC, {}, "prompt"),
        (CODEC, {"prompt": ""}, "prompt"),
        (CODEC, {"prompt": 1}, "prompt"),
        (CODEC, {"prompt": "p", "n": "two"}, "n"),
        (CODEC, {"prompt": "p", "stream": True}, "stream"),
        (CODEC_EDITS, {"prompt": "p"}, "image"),
        (CODEC_EDITS, {"image": PIXEL}, "prompt"),
        (CODEC_EDITS, {"prompt": "p", "images": [{"image_url": "nonsense"}]}, "images[0].image_url"),
        (CODEC_EDITS, {"prompt": "p", "image": "nonsense"}, "image"),
        (CODEC_EDITS, {"prompt": "p", "image": [PIXEL, "nonsense"]}, "image[1]"),
        (CODEC_EDITS, {"prompt": "p", "image": PIXEL, "mask": "nonsense"}, "mask"),
        (CODEC_VARIATIONS, {"prompt": "p"}, "image"),
    ],
)
def test_what_is_missing_or_wrong_is_refused_with_its_place(codec, body, param):
    with pytest.raises(Refusal) as caught:
        read(codec, **body)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_pictures_come_as_references_or_addresses():
    said = [{"image_url": PIXEL}, {"file_id": "file-1"}, {"image_url": "https://x/y.png"}]
    media = [
        Media("image", data="QUJD", mime="image/png"),
        Media("image", file_id="file-1"),
        Media("image", url="https://x/y.png"),
    ]
    assert read(CODEC_EDITS, prompt="p", images=said, mask={"image_url": PIXEL}) == Painting(
        prompt="p", images=media, mask=media[0]
    )
    assert read(CODEC_EDITS, prompt="p", image=PIXEL).images == media[:1]
    assert read(CODEC_VARIATIONS, image=[PIXEL, PIXEL]).images == media[:1] * 2


def test_a_form_says_the_same_in_json():
    sheet = read_form(
        form(
            (b'name="model"', b"@bedrock/5"),
            (b'name="prompt"', b"7"),
            (b'name="n"', b"2"),
            (b'name="stream"', b"false"),
            (b'name="strength"', b"0.5"),
            (b'name="size"', b"1024x1024"),
            (b'name="image[]"; filename="a.png"\r\nContent-Type: image/png', b"ABC"),
            (b'name="image[]"; filename="b.jpg"\r\nContent-Type: application/octet-stream', b"\r\n\xff"),
            (b'name="image[]"', b"https://x/y.png"),
            (b'name="mask"; filename="m"', b"M"),
            (b'name="style_image"; filename="s.webp"', b"S"),
        )
    )
    assert json.loads(sheet.bytes()) == {
        "model": "@bedrock/5",
        "prompt": "7",
        "n": 2,
        "stream": False,
        "strength": 0.5,
        "size": "1024x1024",
        "mask": {"image_url": "data:image/png;base64,TQ=="},
        "style_image": "data:image/webp;base64,Uw==",
        "images": [
            {"image_url": PIXEL},
            {"image_url": "data:image/jpeg;base64,DQr/"},
            {"image_url": "https://x/y.png"},
        ],
    }
    query = CODEC_EDITS.read_request(sheet)
    assert (query.prompt, query.count, len(query.images)) == ("7", 2, 3)


def test_a_form_without_a_picture_has_none():
    assert json.loads(read_form(form((b'name="prompt"', b"p"))).bytes()) == {"prompt": "p"}
    with pytest.raises(Refusal, match="given twice"):
        read_form(form((b'name="prompt"', b"p"), (b'name="prompt"', b"q")))


def test_what_is_written_is_read_the_same():
    query = Painting(
        model="m", prompt="p", avoid="a", count=1, size="1x1", quality="q", format="png", compression=3, seed=0, aspect="1:1", user="u",
        images=[Media("image", data="QUJD", mime="image/png"), Media("image", file_id="f")],
        mask=Media("image", url="https://x/m.png"), linked=True,
    )  # fmt: skip
    assert CODEC_EDITS.read_request(CODEC_EDITS.write_request(query)) == query
    assert read(prompt="p", x=1).extra == CODEC.read_request(CODEC.write_request(read(prompt="p", x=1))).extra
    assert json.loads(CODEC.write_request(Painting(prompt="p")).bytes()) == {"prompt": "p"}


RESULT = Pictures(
    created=1_700_000_000,
    usage=Usage(input=50, output=400, image_input=40, image_output=400),
    pictures=[Picture(Media("image", data="QUJD", mime="image/webp"), "a red fox"), Picture(Media("image", url="https://x/y"))],
)


def test_an_answer_is_one_of_openais():
    body = CODEC.write_reply(RESULT, Painting())
    said = ImagesResponse.model_validate_json(body, strict=True)
    assert [(each.b64_json, each.url, each.revised_prompt) for each in said.data] == [
        ("QUJD", None, "a red fox"),
        (None, "https://x/y", None),
    ]
    assert (said.created, said.usage.total_tokens, said.usage.input_tokens_details.text_tokens) == (1_700_000_000, 450, 10)
    again = CODEC.read_reply(body, Painting(format="webp"))
    assert again.pictures[0] == RESULT.pictures[0]
    assert (again.created, again.usage.image_output) == (1_700_000_000, 400)


def test_who_wants_addresses_is_given_data_urls():
    said = json.loads(CODEC.write_reply(Pictures(pictures=RESULT.pictures), Painting(linked=True)))
    assert [each["url"] for each in said["data"]] == ["data:image/webp;base64,QUJD", "https://x/y"]
    assert "usage" not in said


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[]", b'{"data": 1}'])
def test_an_answer_that_cannot_be_read_is_a_failure(body):
    failure = CODEC.read_reply(body, Painting())
    assert isinstance(failure, Failure) and failure.kind == "malformed"


def test_an_error_said_with_success_is_a_failure():
    body = b'{"error": {"message": "no", "code": "moderation_blocked"}}'
    assert CODEC.read_reply(body, Painting()).kind == "content_policy"


def test_a_half_sent_answer_names_its_format():
    body = b'{"created": 1, "data": [{"b64_json": "QUJD"}], "output_format": "jpeg"}'
    assert CODEC.read_reply(body, Painting()).pictures[0].media.mime == "image/jpeg"
