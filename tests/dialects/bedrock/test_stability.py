"""Stability AI's models on Bedrock, as their documentation shows them."""

import json

import pytest

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import raw
from lockgate.core.query import Painting
from lockgate.dialects.bedrock.stability import CODEC

A, B = Media("image", data="QQ=="), Media("image", data="Qg==")
SD, CORE, ULTRA = "stability.sd3-5-large-v1:0", "stability.stable-image-core-v1:1", "us.stability.stable-image-ultra-v1:1"
INPAINT = "us.stability.stable-image-inpaint-v1:0"


def written(query):
    return json.loads(CODEC.write_request(query).bytes())


@pytest.mark.parametrize("model", [SD, CORE, ULTRA])
def test_a_text_becomes_a_picture(model):
    query = Painting(model=model, prompt="fox", avoid="hens", size="1536x1024", seed=7, format="jpeg", count=1)
    assert written(query) == {
        "prompt": "fox",
        "negative_prompt": "hens",
        "aspect_ratio": "3:2",
        "seed": 7,
        "output_format": "jpeg",
    }
    assert query.losses == []


def test_a_picture_is_drawn_anew():
    query = Painting(model=SD, prompt="in snow", images=[A, B], size="1024x1024", aspect="1:1", count=2)
    assert written(query) == {"prompt": "in snow", "image": "QQ==", "mode": "image-to-image", "strength": 0.65}
    assert query.losses == ["size", "aspect_ratio", "image[1]", "n"]
    assert written(Painting(model=SD, prompt="p", images=[A], extra={"strength": raw(0.2)}))["strength"] == 0.2


def test_a_service_does_one_thing_to_a_picture():
    query = Painting(model=INPAINT, prompt="a hat", images=[A], mask=B, extra={"grow_mask": raw(3)})
    assert written(query) == {"prompt": "a hat", "image": "QQ==", "mask": "Qg==", "grow_mask": 3}
    assert query.losses == []
    query = Painting(model="us.stability.stable-style-transfer-v1:0", images=[A], extra={"style_image": raw("Uw==")})
    assert written(query) == {"init_image": "QQ==", "style_image": "Uw=="}


def test_what_cannot_be_said_is_lost_and_named():
    query = Painting(model=CORE, prompt="p", quality="hd", format="gif", compression=0, user="u", size="1024x256")
    assert written(query) == {"prompt": "p"}
    assert query.losses == ["size", "output_format", "quality", "output_compression", "user"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        (Painting(model=CORE, prompt="p", images=[A]), "image"),
        (Painting(model=ULTRA, prompt="p", images=[A]), "image"),
        (Painting(model=SD, prompt="p", images=[A], mask=B), "mask"),
        (Painting(model=INPAINT, prompt="p", images=[Media("image", url="https://x/y")]), "image"),
    ],
)
def test_what_a_model_does_not_take_is_refused(query, param):
    with pytest.raises(Refusal) as caught:
        written(query)
    assert (caught.value.status, caught.value.param) == (400, param)


def test_an_answer_is_its_picture():
    body = b'{"seeds": [2130420379], "finish_reasons": [null], "images": ["QQ=="]}'
    (picture,) = CODEC.read_reply(body, Painting(format="webp")).pictures
    assert (picture.media.data, picture.media.mime) == ("QQ==", "image/webp")
    assert CODEC.read_reply(body, Painting()).pictures[0].media.mime == "image/png"
    outcome = CODEC.observe(body)
    assert outcome.complete and outcome.usage.images == len(json.loads(body)["images"])


@pytest.mark.parametrize(
    ("reason", "kind", "status"), [("Filter reason: prompt", "content_policy", 400), ("Inference error", "server", 502)]
)
def test_a_reason_in_the_place_of_a_picture_is_a_failure(reason, kind, status):
    body = json.dumps({"finish_reasons": [reason]}).encode()
    failure = CODEC.read_reply(body, Painting())
    assert (failure.kind, failure.status, failure.message) == (kind, status, reason)
    assert CODEC.observe(body).failure == failure


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"images": [], "finish_reasons": [null]}'])
def test_an_answer_that_cannot_be_read_is_a_failure(body):
    failure = CODEC.read_reply(body, Painting())
    assert isinstance(failure, Failure) and failure.kind == "malformed"
