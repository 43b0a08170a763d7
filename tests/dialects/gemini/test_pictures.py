"""Google's pictures and ranks: Imagen and the Ranking API as its SDKs ask them, Gemini's own pictures by generateContent."""

import base64
import json

import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import types

from lockgate.core.content import Media
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import raw
from lockgate.core.query import Painting, Ranking
from lockgate.dialects.gemini import imagen, images, ranking

A, B = Media("image", data="QQ==", mime="image/png"), Media("image", data="Qg==", mime="image/jpeg")
IMAGEN, EDITOR = "imagen-4.0-generate-001", "imagen-3.0-capability-001"


def written(codec, query):
    return json.loads(codec.write_request(query).bytes())


@pytest.fixture
def sdk(monkeypatch):
    """Google's own client, and the body of what it asked last."""
    client = genai.Client(vertexai=True, project="p", location="us-central1", credentials=AnonymousCredentials())
    asked = []

    def request(method, path, body, *rest):
        asked.append(body)
        return types.HttpResponse(headers={}, body='{"predictions": [{"bytesBase64Encoded": "QQ==", "mimeType": "image/png"}]}')

    monkeypatch.setattr(client._api_client, "request", request)
    return client, asked


def plain(body):
    """A body of the SDK without what is not sent."""
    return json.loads(json.dumps({name: value for name, value in body.items() if not name.startswith("_")}, default=str))


@pytest.mark.filterwarnings("ignore:The .* method is deprecated")
class TestImagen:
    def test_a_text_is_asked_as_googles_sdk_asks(self, sdk):
        client, asked = sdk
        config = types.GenerateImagesConfig(
            number_of_images=2, aspect_ratio="16:9", negative_prompt="hens", seed=7, add_watermark=False, image_size="2K",
            output_mime_type="image/jpeg", output_compression_quality=50, include_rai_reason=True,
        )  # fmt: skip
        client.models.generate_images(model=IMAGEN, prompt="fox", config=config)
        query = Painting(
            model=IMAGEN, prompt="fox", avoid="hens", count=2, size="2048x1152", seed=7, format="jpeg", compression=50
        )
        assert written(imagen.CODEC, query) == plain(asked[0])
        assert query.losses == []

    @pytest.mark.parametrize("masked", [True, False])
    def test_an_edit_is_asked_as_googles_sdk_asks(self, sdk, masked):
        client, asked = sdk
        references = [types.RawReferenceImage(reference_id=1, reference_image=types.Image(image_bytes=b"A"))]
        if masked:
            references.append(
                types.MaskReferenceImage(
                    reference_id=2,
                    reference_image=types.Image(image_bytes=b"B"),
                    config=types.MaskReferenceConfig(mask_mode=types.MaskReferenceMode.MASK_MODE_USER_PROVIDED),
                )
            )
        mode = types.EditMode.EDIT_MODE_INPAINT_INSERTION if masked else types.EditMode.EDIT_MODE_DEFAULT
        config = types.EditImageConfig(edit_mode=mode, number_of_images=1, include_rai_reason=True)
        client.models.edit_image(model=EDITOR, prompt="a hat", reference_images=references, config=config)
        query = Painting(model=EDITOR, prompt="a hat", images=[A, B], mask=B if masked else None)
        assert written(imagen.CODEC, query) == plain(asked[0])
        assert query.losses == ["image[1]"]

    def test_what_cannot_be_said_is_lost_and_named_and_the_rest_passes(self):
        query = Painting(model=IMAGEN, prompt="p", quality="hd", format="webp", user="u", aspect="5:1")
        query.extra = {"personGeneration": raw("dont_allow")}
        assert written(imagen.CODEC, query) == {
            "instances": [{"prompt": "p"}],
            "parameters": {"sampleCount": 1, "includeRaiReason": True, "personGeneration": "dont_allow"},
        }
        assert query.losses == ["aspect_ratio", "output_format", "quality", "user"]
        query = Painting(model=EDITOR, images=[A], size="512x512", aspect="1:1")
        assert written(imagen.CODEC, query)["instances"][0].keys() == {"referenceImages"}
        assert query.losses == ["size", "aspect_ratio"]

    def test_a_picture_for_a_model_of_texts_is_refused(self):
        with pytest.raises(Refusal) as caught:
            written(imagen.CODEC, Painting(model=IMAGEN, prompt="p", images=[A]))
        assert (caught.value.status, caught.value.param) == (400, "image")

    def test_an_answer_is_its_pictures(self):
        body = b'{"predictions": [{"bytesBase64Encoded": "QQ==", "mimeType": "image/jpeg", "prompt": "a red fox"}, {"raiFilteredReason": "no"}]}'
        (picture,) = imagen.CODEC.read_reply(body, Painting()).pictures
        assert (picture.media, picture.prompt) == (Media("image", data="QQ==", mime="image/jpeg"), "a red fox")
        assert imagen.CODEC.observe(body).complete and imagen.CODEC.observe(body).usage.images == 1

    @pytest.mark.parametrize(
        ("body", "words"),
        [(b"{}", "filters"), (b'{"predictions": [{"raiFilteredReason": "Unsafe. Code 1"}]}', "Unsafe. Code 1")],
    )
    def test_pictures_that_are_all_held_back_are_a_failure(self, body, words):
        failure = imagen.CODEC.read_reply(body, Painting())
        assert (failure.kind, failure.status) == ("content_policy", 400) and words in failure.message
        assert imagen.CODEC.observe(body).failure == failure

    def test_an_answer_that_is_none_is_a_failure(self):
        assert imagen.CODEC.read_reply(b"\xff", Painting()).kind == "malformed"
        error = b'{"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}}'
        assert imagen.CODEC.read_reply(error, Painting()).kind == "rate_limit"


ANSWER = {
    "candidates": [
        {
            "content": {
                "role": "model",
                "parts": [{"text": "Here:"}, {"inlineData": {"mimeType": "image/png", "data": "QQ=="}}],
            },
            "finishReason": "STOP",
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 9,
        "candidatesTokenCount": 1290,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
    },
    "modelVersion": "gemini-2.5-flash-image",
    "responseId": "r-1",
}


class TestGemini:
    def test_a_text_and_pictures_become_a_picture(self):
        query = Painting(
            model="gemini-3-pro-image", prompt="a hat", images=[A, Media("image", data="Qg==")], size="2048x2048", seed=3
        )
        assert written(images.CODEC, query) == {
            "contents": [
                {
                    "role": "user",
                    "parts": [
                        {"text": "a hat"},
                        {"inlineData": {"mimeType": "image/png", "data": "QQ=="}},
                        {"inlineData": {"mimeType": "image/png", "data": "Qg=="}},
                    ],
                }
            ],
            "generationConfig": {
                "responseModalities": ["TEXT", "IMAGE"],
                "imageConfig": {"aspectRatio": "1:1", "imageSize": "2K"},
                "seed": 3,
            },
        }
        assert query.losses == []

    @pytest.mark.parametrize(
        ("model", "size", "made"),
        [
            ("gemini-3-pro-image", "4096x4096", {"aspectRatio": "1:1", "imageSize": "4K"}),
            ("gemini-3-pro-image", "1024x1024", {"aspectRatio": "1:1"}),
            ("gemini-2.5-flash-image", "2048x2048", {"aspectRatio": "1:1"}),
        ],
    )
    def test_sizes_are_known_since_the_third(self, model, size, made):
        body = written(images.CODEC, Painting(model=model, prompt="p", size=size))
        assert body["generationConfig"]["imageConfig"] == made

    def test_what_googles_sdk_would_read_of_it(self):
        body = written(images.CODEC, Painting(model="gemini-3-pro-image", prompt="p", images=[B], size="2048x1152"))
        config = types.GenerateContentConfig.model_validate(body["generationConfig"])
        assert (config.image_config.aspect_ratio, config.image_config.image_size) == ("16:9", "2K")
        assert types.Content.model_validate(body["contents"][0]).parts[1].inline_data.data == base64.b64decode("Qg==")

    def test_what_cannot_be_said_is_lost_and_named_and_the_rest_passes(self):
        query = Painting(images=[A], count=2, avoid="x", quality="hd", format="webp", compression=0, user="u")
        query.extra = {"safetySettings": raw([])}
        body = written(images.CODEC, query)
        assert body["safetySettings"] == [] and body["generationConfig"] == {"responseModalities": ["TEXT", "IMAGE"]}
        assert query.losses == ["n", "negative_prompt", "quality", "output_format", "output_compression", "user"]
        query = Painting(prompt="p", count=1, format="png")
        written(images.CODEC, query)
        assert query.losses == []

    def test_a_mask_is_refused(self):
        with pytest.raises(Refusal) as caught:
            written(images.CODEC, Painting(prompt="p", images=[A], mask=B))
        assert caught.value.param == "mask"

    def test_an_answer_is_its_pictures_and_what_they_used(self):
        result = images.CODEC.read_reply(json.dumps(ANSWER).encode(), Painting())
        assert [each.media.data for each in result.pictures] == ["QQ=="]
        assert (result.id, result.model) == ("r-1", "gemini-2.5-flash-image")
        assert (result.usage.input, result.usage.output, result.usage.image_output) == (9, 1290, 1290)

    @pytest.mark.parametrize(
        ("candidate", "kind", "words"),
        [
            ({"finishReason": "IMAGE_SAFETY"}, "content_policy", "IMAGE_SAFETY"),
            ({"finishReason": "SAFETY", "content": {"parts": [{"text": "I cannot."}]}}, "content_policy", "I cannot."),
            ({"finishReason": "STOP", "content": {"parts": [{"text": "A fox is…"}]}}, "malformed", "A fox is…"),
            ({"finishReason": "STOP"}, "malformed", "no picture"),
        ],
    )
    def test_an_answer_without_a_picture_is_a_failure(self, candidate, kind, words):
        failure = images.CODEC.read_reply(json.dumps({"candidates": [candidate]}).encode(), Painting())
        assert failure.kind == kind and words in failure.message

    def test_an_answer_that_is_none_is_a_failure(self):
        assert images.CODEC.read_reply(b"\xff", Painting()).kind == "malformed"


class TestRanking:
    def test_documents_are_records_by_their_index(self):
        query = Ranking(model="semantic-ranker-default@latest", text="q", documents=["one", raw({"text": "two"})], top=1)
        query.extra = {"userLabels": raw({"a": "b"})}
        assert written(ranking.CODEC, query) == {
            "model": "semantic-ranker-default@latest",
            "query": "q",
            "records": [{"id": "0", "content": "one"}, {"id": "1", "content": "two"}],
            "topN": 1,
            "ignoreRecordDetailsInResponse": True,
            "userLabels": {"a": "b"},
        }
        assert query.losses == []

    def test_what_cannot_be_said_is_lost_and_named(self):
        query = Ranking(text="q", documents=["one"], document_tokens=5, truncate=False)
        assert "topN" not in written(ranking.CODEC, query)
        assert query.losses == ["document_tokens", "truncate"]

    def test_an_answer_is_indexes_and_scores(self):
        body = b'{"records": [{"id": "1", "score": 0.98}, {"id": "0"}]}'
        result = ranking.CODEC.read_reply(body, Ranking())
        assert [(each.index, each.score) for each in result.ranks] == [(1, 0.98), (0, 0.0)]
        assert ranking.CODEC.observe(body).complete

    @pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b'{"records": [{"id": "x", "score": 1}]}'])
    def test_an_answer_that_cannot_be_read_is_a_failure(self, body):
        failure = ranking.CODEC.read_reply(body, Ranking())
        assert isinstance(failure, Failure) and failure.kind == "malformed"
        assert ranking.CODEC.observe(body).failure.kind == "malformed"
