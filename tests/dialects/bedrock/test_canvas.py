"""Nova Canvas and the Titan Image Generator, as their documentation shows them."""

import json

import pytest

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import raw
from lockgate.core.query import Painting
from lockgate.dialects.bedrock.canvas import CODEC

A, B = Media("image", data="QQ=="), Media("image", data="Qg==")


def written(query):
    return json.loads(CODEC.write_request(query).bytes())


def test_a_text_becomes_a_picture():
    query = Painting(
        model="amazon.nova-canvas-v1:0", prompt="fox", avoid="hens", count=2, size="1024x512", quality="hd", seed=7
    )
    assert written(query) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "fox", "negativeText": "hens"},
        "imageGenerationConfig": {"width": 1024, "height": 512, "numberOfImages": 2, "quality": "premium", "seed": 7},
    }
    assert query.losses == []


def test_a_text_alone_leaves_the_rest_to_the_model():
    assert written(Painting(prompt="fox")) == {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "fox"}}


@pytest.mark.parametrize(
    ("said", "made"),
    [("low", "standard"), ("medium", "standard"), ("standard", "standard"), ("high", "premium"), ("max", "premium")],
)
def test_qualities_are_two(said, made):
    assert written(Painting(prompt="p", quality=said))["imageGenerationConfig"] == {"quality": made}


def test_pictures_without_a_mask_are_varied():
    query = Painting(prompt="in snow", images=[A, B], size="512x512")
    assert written(query) == {
        "taskType": "IMAGE_VARIATION",
        "imageVariationParams": {"images": ["QQ==", "Qg=="], "text": "in snow"},
        "imageGenerationConfig": {"width": 512, "height": 512},
    }
    assert written(Painting(images=[A]))["imageVariationParams"] == {"images": ["QQ=="]}
    assert query.losses == []


def test_a_picture_with_a_mask_is_changed_there():
    query = Painting(prompt="a hat", images=[A, B], mask=Media("image", data="TQ=="), size="512x512", count=1)
    assert written(query) == {
        "taskType": "INPAINTING",
        "inPaintingParams": {"image": "QQ==", "text": "a hat", "maskImage": "TQ=="},
        "imageGenerationConfig": {"numberOfImages": 1},
    }
    assert query.losses == ["image[1]", "size"]


def test_a_mask_may_be_said_in_words():
    query = Painting(prompt="a hat", images=[A], extra={"maskPrompt": raw("the head"), "cfgScale": raw(7.5)})
    assert written(query) == {
        "taskType": "INPAINTING",
        "inPaintingParams": {"image": "QQ==", "text": "a hat", "maskPrompt": "the head"},
        "imageGenerationConfig": {"cfgScale": 7.5},
    }


def test_another_task_is_chosen_by_its_name():
    mask = Media("image", data="TQ==")
    query = Painting(
        prompt="a beach", images=[A], mask=mask, extra={"taskType": raw("OUTPAINTING"), "outPaintingMode": raw("PRECISE")}
    )
    assert written(query) == {
        "taskType": "OUTPAINTING",
        "outPaintingParams": {"image": "QQ==", "text": "a beach", "maskImage": "TQ==", "outPaintingMode": "PRECISE"},
    }
    query = Painting(prompt="x", avoid="y", images=[A], mask=mask, count=2, quality="hd", seed=1, size="9x9")
    query.extra = {"taskType": raw("BACKGROUND_REMOVAL")}
    assert written(query) == {"taskType": "BACKGROUND_REMOVAL", "backgroundRemovalParams": {"image": "QQ=="}}
    assert query.losses == ["prompt", "negative_prompt", "mask", "size", "n", "quality", "seed"]


def test_objects_go_where_they_belong():
    query = Painting(prompt="p", count=1)
    query.extra = {
        "textToImageParams": raw({"style": "PHOTOREALISM"}),
        "imageGenerationConfig": raw({"cfgScale": 2}),
        "other": raw({"a": 1}),
    }
    assert written(query) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "p", "style": "PHOTOREALISM"},
        "imageGenerationConfig": {"numberOfImages": 1, "cfgScale": 2},
        "other": {"a": 1},
    }


def test_what_cannot_be_said_is_lost_and_named():
    query = Painting(prompt="p", quality="odd", format="webp", compression=5, aspect="1:1", user="u", size="big")
    assert written(query) == {"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "p"}}
    assert query.losses == ["size", "quality", "output_format", "output_compression", "user"]
    query = Painting(prompt="p", aspect="1:1", format="png")
    written(query)
    assert query.losses == ["aspect_ratio"]


@pytest.mark.parametrize("said", ["VIRTUAL", 7])
def test_a_task_that_is_none_is_refused(said):
    with pytest.raises(Refusal) as caught:
        written(Painting(prompt="p", extra={"taskType": raw(said)}))
    assert (caught.value.status, caught.value.param) == (400, "taskType")


def test_pictures_by_address_are_refused():
    with pytest.raises(Refusal, match="fetches none"):
        written(Painting(prompt="p", images=[Media("image", url="https://x/y.png")]))


def test_an_answer_is_its_pictures():
    body = b'{"images": ["QQ==", "Qg=="], "error": null}'
    result = CODEC.read_reply(body, Painting())
    assert result.usage.images == 2
    assert [(each.media.data, each.media.mime) for each in result.pictures] == [("QQ==", "image/png"), ("Qg==", "image/png")]
    outcome = CODEC.observe(body)
    assert outcome.complete and outcome.usage.images == len(json.loads(body)["images"])


def test_pictures_that_are_all_held_back_are_a_failure():
    body = b'{"images": [], "error": "All of the generated images have been blocked by our content filters."}'
    failure = CODEC.read_reply(body, Painting())
    assert (failure.kind, failure.status) == ("content_policy", 400) and "blocked" in failure.message
    assert CODEC.observe(body).failure == failure


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"images": []}'])
def test_an_answer_that_cannot_be_read_is_a_failure(body):
    failure = CODEC.read_reply(body, Painting())
    assert isinstance(failure, Failure) and failure.kind == "malformed"
