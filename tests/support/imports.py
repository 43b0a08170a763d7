"""What tests of imports share: a source in, the draft and its findings out; and whether the file that is written is good."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.control.imports.draft import write
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.source import Source
from lockgate.http.routes import SCOPES

GOLDEN = Path(__file__).parents[1] / "golden/imports"

SERVICE_ACCOUNT = (
    '{"type": "service_account", "project_id": "p", "client_email": "a@p.iam.gserviceaccount.com", "private_key_id": "1",'
    ' "private_key": "none", "token_uri": "https://oauth2.googleapis.com/token"}'
)


class Imported:
    """The draft, its findings by kind, and the text of the file."""

    def __init__(self, convert, tree, keep=False, **options):
        findings = Findings()
        source = Source(Path("/nowhere/config.yaml"), yaml.safe_load(tree) if isinstance(tree, str) else tree)
        self.draft = convert(source, keep, findings, **options)
        self.findings = findings.all()
        self.text = write(self.draft, "head", self.findings)

    def told(self, kind):
        """Path → sentence."""
        return {finding.at: finding.says for finding in self.findings if finding.kind == kind}


def values_for(text):
    """An environment that has every variable that a file names."""
    values = {name: f"value-of-{name.lower()}-0123456789" for name in re.findall(r"\$\{(\w+)\}", text)}
    for name in values:
        if "SERVICE_ACCOUNT" in name or name == "VERTEX_KEY":
            values[name] = SERVICE_ACCOUNT
        elif name.endswith(("_API_BASE", "_URL")):
            values[name] = "https://llm.example.com"
        elif name == "CLOUDFLARE_ACCOUNT_ID":
            values[name] = "0" * 32
    return values


def checked(text):
    """The world of a file, all of whose variables are set; raises `BadConfig`."""
    values = values_for(text)
    return compile_snapshot(read_text(text, values), environment=values, pepper=b"x", scopes=SCOPES)
