"""Forms, sound and files over the wire: a real gateway, a real upstream, the official SDK."""

import http.client
import io

import openai
import pytest

from support.house import KEY
from support.process import Gateway
from support.replay import Replay

AUTH = {"authorization": f"Bearer {KEY}"}
PICTURE = bytes(range(256)) * 80_000  # 20 MB
USAGE = b'{"created": 1, "data": [{"b64_json": "QUJD"}], "usage": {"input_tokens": 5, "output_tokens": 7}}'


@pytest.fixture(scope="module")
def replay():
    replay = Replay()
    yield replay
    replay.close()


@pytest.fixture(scope="module")
def gateway(replay, tmp_path_factory):
    config = f"""
providers:
  up: {{provider: openai, api_key: sk-upstream, base_url: "http://127.0.0.1:{replay.port}/up/v1"}}
"""
    gateway = Gateway(tmp_path_factory.mktemp("operations"), config).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def oai(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_a_large_form_arrives_whole_and_with_the_model_s_own_name(oai, replay):
    replay.put("up", USAGE, kind=b"application/json")
    answer = oai.images.edit(model="@up/gpt-image-1", prompt="a hat", image=("a.png", io.BytesIO(PICTURE), "image/png"))
    assert answer.data[0].b64_json == "QUJD"
    body = replay.asked["up"][-1]
    assert PICTURE in body
    assert b"gpt-image-1" in body
    assert b"@up/" not in body


def test_sound_arrives_as_it_comes(oai, replay):
    sound = bytes(range(256)) * 1000
    replay.put("up", sound, kind=b"audio/mpeg", piece=1000)
    with oai.audio.speech.with_streaming_response.create(model="@up/tts-1", voice="alloy", input="Hello") as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        assert b"".join(answer.iter_bytes(4096)) == sound


def test_a_transcript_is_a_text(oai, replay):
    replay.put("up", b"Hello there", kind=b"text/plain; charset=utf-8")
    file = ("a.mp3", io.BytesIO(b"ID3"), "audio/mpeg")
    assert oai.audio.transcriptions.create(model="@up/whisper-1", file=file, response_format="text") == "Hello there"


def test_sound_that_breaks_off_is_seen_to(gateway, replay):
    replay.put("up", b"ID3", kind=b"audio/mpeg", hang=True)
    config = '{"provider": "@up", "request_timeout": 5000}'
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", "/v1/audio/speech", b'{"model": "tts-1", "input": "x"}', {**AUTH, "x-portkey-config": config})
    answer = connection.getresponse()
    assert answer.read(3) == b"ID3"
    replay.cut("up")
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("DELETE", 200)])
def test_other_methods_pass(gateway, replay, method, status):
    replay.put("up", b"" if method != "DELETE" else b"gone", status=status, kind=b"text/plain")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    for _ in range(2):  # the connection is in order after the first
        connection.request(method, "/proxy/up/files/f-1", headers=AUTH)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (status, b"gone" if method == "DELETE" else b"")
        assert answer.getheader("content-length") is None
    connection.close()
