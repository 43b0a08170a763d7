"""Messages bodies as Bedrock's `invoke` wants them: raw members change, the rest stays byte for byte."""

import json

from lockgate.core.sheet import Sheet
from lockgate.providers.quirks import QUIRKS

BODY = b'{"model":"m","max_tokens":9,"stream":true,"messages":[ {"role":"user","content":"\\u0070ing"} ]}'
KEPT = b'{"max_tokens":9,"messages":[ {"role":"user","content":"\\u0070ing"} ],"anthropic_version":"bedrock-2023-05-31"'


def after(body=BODY, betas=""):
    sheet = Sheet.open(body)
    lost = QUIRKS["bedrock-claude"](sheet, "m", {b"anthropic-beta": betas.encode()} if betas else {})
    return sheet.bytes(), lost


def test_model_and_stream_stand_in_the_path_and_the_version_in_the_body():
    assert after() == (KEPT + b"}", [])
    assert after(KEPT + b"}") == (KEPT + b"}", [])
    own = b'{"messages":[],"anthropic_version":"bedrock-2030-01-01"}'
    assert after(own) == (own, [])


def test_beta_features_stand_in_the_body_and_unknown_ones_are_lost():
    body, lost = after(betas="interleaved-thinking-2025-05-14, claude-code-20250219,context-1m-2025-08-07")
    assert json.loads(body)["anthropic_beta"] == ["interleaved-thinking-2025-05-14", "context-1m-2025-08-07"]
    assert lost == ["anthropic-beta claude-code-20250219"]


def test_beta_features_that_the_body_names_itself_stay():
    body = b'{"messages":[],"anthropic_version":"x","anthropic_beta":["y"]}'
    assert after(body, "effort-2025-11-24") == (body, [])
