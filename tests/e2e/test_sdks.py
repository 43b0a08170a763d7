"""The official SDKs, unmodified, on the simulator."""

import anthropic
import httpx
import openai
import portkey_ai
import pytest
from google import genai

from support.house import KEY
from support.process import Gateway

ASK = [{"role": "user", "content": "Say pong."}]
TOOL = {
    "name": "weather",
    "description": "the weather in a city",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
}


http_clients = []  # this SDK leaves the one it makes open


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("sdks")).ready()
    yield gateway
    for client in http_clients:
        client.close()
    gateway.stop()


@pytest.fixture(scope="module")
def oai(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def ant(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        yield client


def test_chat(oai):
    answer = oai.chat.completions.create(model="@sim/chat", messages=ASK)
    assert "pong" in answer.choices[0].message.content
    assert answer.usage.total_tokens > 0


def test_chat_streams_the_same_text(oai):
    whole = oai.chat.completions.create(model="@sim/chat", messages=ASK).choices[0].message.content
    chunks = list(oai.chat.completions.create(model="@sim/chat", messages=ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == whole
    assert all(chunk.usage is None for chunk in chunks)


def test_responses(oai):
    whole = oai.responses.create(model="@sim/chat", input="Say pong.")
    assert "pong" in whole.output_text
    with oai.responses.stream(model="@sim/chat", input="Say pong.") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        assert text == stream.get_final_response().output_text == whole.output_text


def test_responses_call_tools(oai):
    tool = {
        "type": "function",
        "name": TOOL["name"],
        "description": TOOL["description"],
        "parameters": TOOL["schema"],
        "strict": False,
    }
    answer = oai.responses.create(model="@sim/chat", input="Say pong.", tools=[tool], tool_choice="required")
    call = next(item for item in answer.output if item.type == "function_call")
    assert call.name == "weather"
    again = [
        {"role": "user", "content": "Say pong."},
        call.model_dump(),
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
    ]
    assert "sunny" in oai.responses.create(model="@sim/chat", input=again, tools=[tool]).output_text


def test_messages(ant):
    whole = ant.messages.create(model="@sim/chat", max_tokens=200, messages=ASK)
    assert "pong" in whole.content[0].text
    with ant.messages.stream(model="@sim/chat", max_tokens=200, messages=ASK) as stream:
        assert stream.get_final_text() == whole.content[0].text
        assert stream.get_final_message().usage.output_tokens == whole.usage.output_tokens


def test_messages_call_tools(ant):
    tool = {"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["schema"]}
    answer = ant.messages.create(model="@sim/chat", max_tokens=200, messages=ASK, tools=[tool], tool_choice={"type": "any"})
    call = next(block for block in answer.content if block.type == "tool_use")
    assert isinstance(call.input["city"], str)
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
    history = [*ASK, {"role": "assistant", "content": answer.content}, result]
    assert "sunny" in ant.messages.create(model="@sim/chat", max_tokens=200, messages=history, tools=[tool]).content[0].text


def test_thinking_comes_through(ant):
    answer = ant.messages.create(
        model="@sim/think", max_tokens=2000, messages=ASK, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    assert answer.content[0].type == "thinking"
    assert answer.content[0].thinking


def test_counting(ant):
    assert ant.messages.count_tokens(model="@sim/chat", messages=ASK).input_tokens > 0


def test_models(oai):
    assert "@sim/chat" in [model.id for model in oai.models.list()]


@pytest.mark.parametrize(
    ("status", "raised"),
    [(400, "BadRequestError"), (404, "NotFoundError"), (429, "RateLimitError"), (500, "InternalServerError")],
)
def test_errors_raise_what_the_sdk_s_user_expects(oai, ant, status, raised):
    with pytest.raises(getattr(openai, raised)) as caught:
        oai.chat.completions.create(model=f"@sim/error-{status}", messages=ASK)
    assert caught.value.status_code == status
    with pytest.raises(getattr(openai, raised)):
        oai.responses.create(model=f"@sim/error-{status}", input="x")
    with pytest.raises(getattr(anthropic, raised)) as caught:
        ant.messages.create(model=f"@sim/error-{status}", max_tokens=9, messages=ASK)
    assert caught.value.body["type"] == "error"


def test_a_wrong_key_is_an_authentication_error(gateway):
    with (
        pytest.raises(openai.AuthenticationError),
        openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client,
    ):
        client.models.list()
    with (
        pytest.raises(anthropic.AuthenticationError),
        anthropic.Anthropic(base_url=gateway.url, api_key="x", max_retries=0) as client,
    ):
        client.messages.create(model="@sim/chat", max_tokens=9, messages=ASK)


def test_the_other_ways_of_sending_a_key(gateway):
    with anthropic.Anthropic(base_url=gateway.url, auth_token=KEY, api_key=None) as client:
        assert client.messages.create(model="@sim/chat", max_tokens=200, messages=ASK).content
    for header in ("api-key", "x-goog-api-key", "x-lockgate-api-key", "x-portkey-api-key"):
        assert gateway.ask("GET", "/v1/models", key=None, **{header.replace("-", "_"): KEY})[0] == 200


def portkey(gateway, **options):
    http = httpx.Client()
    http_clients.append(http)
    return portkey_ai.Portkey(base_url=gateway.url + "/v1", api_key=KEY, http_client=http, **options)


def test_portkey_s_sdk(gateway):
    client = portkey(gateway, trace_id="trace-7", metadata={"_user": "u1"})
    answer = client.chat.completions.create(model="@sim/chat", messages=ASK)
    assert "pong" in answer.choices[0].message.content
    assert answer.get_headers()["trace-id"] == "trace-7"
    text = "".join(
        chunk.choices[0].delta.content or ""
        for chunk in client.chat.completions.create(model="@sim/chat", messages=ASK, stream=True)
        if chunk.choices
    )
    assert text == answer.choices[0].message.content
    record = next(record for record in gateway.records() if record["trace_id"] == "trace-7")
    assert record["metadata"]["_user"] == "u1"


def test_portkey_s_sdk_with_a_config(gateway):
    config = {"provider": "@sim", "override_params": {"model": "echo"}}
    client = portkey(gateway, config=config)
    assert "Say pong." in client.chat.completions.create(model="any", messages=ASK).choices[0].message.content


@pytest.fixture(scope="module")
def goog(gateway):
    with genai.Client(api_key=KEY, http_options=genai.types.HttpOptions(base_url=gateway.url)) as client:
        yield client


def test_google_s_sdk(goog):
    whole = goog.models.generate_content(model="@sim/chat", contents="Say pong.")
    assert "pong" in whole.text
    assert whole.usage_metadata.total_token_count > 0
    chunks = list(goog.models.generate_content_stream(model="@sim/chat", contents="Say pong."))
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert goog.models.count_tokens(model="@sim/chat", contents="Say pong.").total_tokens > 0


def test_google_s_sdk_calls_tools(goog):
    tool = genai.types.Tool(
        function_declarations=[
            genai.types.FunctionDeclaration(
                name=TOOL["name"], description=TOOL["description"], parameters_json_schema=TOOL["schema"]
            )
        ]
    )
    calling = genai.types.ToolConfig(function_calling_config=genai.types.FunctionCallingConfig(mode="ANY"))
    config = genai.types.GenerateContentConfig(tools=[tool], tool_config=calling)
    answer = goog.models.generate_content(model="@sim/chat", contents="Say pong.", config=config)
    (call,) = answer.function_calls
    assert (call.name, type(call.args["city"])) == ("weather", str)
    result = genai.types.Part.from_function_response(name="weather", response={"result": "sunny"})
    history = [genai.types.UserContent("Say pong."), answer.candidates[0].content, genai.types.UserContent(result)]
    again = goog.models.generate_content(model="@sim/chat", contents=history, config={"tools": [tool]})
    assert "sunny" in again.text


def test_google_s_sdk_raises_its_own_errors(goog):
    with pytest.raises(genai.errors.ClientError) as raised:
        goog.models.generate_content(model="@sim/error-429", contents="x")
    assert (raised.value.code, raised.value.status) == (429, "RESOURCE_EXHAUSTED")
    with pytest.raises(genai.errors.ServerError):
        goog.models.generate_content(model="@sim/error-500", contents="x")


def test_embeddings(oai, goog):
    numbers = oai.embeddings.create(model="@sim/embed", input=["a", "b"], encoding_format="float").data[1].embedding
    packed = oai.embeddings.create(model="@sim/embed", input=["a", "b"]).data[1].embedding  # the SDK asks for base64
    assert packed == pytest.approx(numbers, abs=1e-6)
    found = goog.models.embed_content(model="@sim/embed", contents=["a", "b"]).embeddings
    assert found[1].values == pytest.approx(numbers)


def test_completions(oai):
    whole = oai.completions.create(model="@sim/chat", prompt="Say pong.")
    assert "pong" in whole.choices[0].text
    assert whole.usage.total_tokens > 0
    chunks = list(oai.completions.create(model="@sim/chat", prompt="Say pong.", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole.choices[0].text
