"""A house in which everything that has a name, or was ever said, is a payload: written straight into its stores, and asked."""

from __future__ import annotations

import json
import random
import secrets

import msgspec

from lockgate.control.house import House
from lockgate.core.audit import Actor
from lockgate.core.holdings import ConfigVersion, Integration, SavedConfig, SecretReference, VirtualKey
from lockgate.core.limits import Term
from lockgate.core.record import Attempt, Decision, Match, Record
from lockgate.core.record import new_id as new_record_id
from lockgate.core.tenancy import ApiKey, Invite, Membership, Policy, Seat, Session, Tenant, User, Workspace, new_id
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from lockgate.stores.spool import Spool
from support.payloads import PAYLOADS

#: Payloads that one thing is made of where it may have many.
PACK = 24
PACKS = tuple(PAYLOADS[at : at + PACK] for at in range(0, len(PAYLOADS), PACK))
#: A trace of which every span is called after a payload.
TRACE = "of-all"


def poison(gateway):
    """Write it where it is kept. The gateway runs meanwhile, as another of its commands might."""
    house = House(gateway.data, gateway.config, SCOPES, gateway.env)
    with house.control() as store:
        home = store.house().home
        for number, pack in enumerate(PACKS):
            actor = Actor("user", pack[0], " ".join(pack), "POST", f"/{pack[1]}", f"r{number}", pack[2])
            with store.change(Tenant(home.organisation), actor, now_us()) as change:
                for row in _rows(home.organisation, home.workspace, number, pack):
                    change.add(row)
    spool = Spool(house.spool, clock=now_us, report=lambda sentence: None, mark="p")
    for number, text in enumerate(PAYLOADS):
        assert spool.append(_record(home.organisation, home.workspace, number, text))
    spool.close()


def _rows(organisation, workspace, number, pack):
    """What an organisation has, called after payloads: of each noun one for each of them."""
    whole = {"organisation": organisation}
    inside = {**whole, "workspace": workspace}
    for at, text in enumerate(pack):
        slug = f"p-{number}-{at}"
        user = User(id=new_id(), email=f"{slug}{text}@example.com", name=text, **whole)
        yield user
        yield Membership(id=new_id(), user=user.id, **inside)
        yield Session(
            id=new_id(), user=user.id, digest=secrets.token_bytes(32), expires_us=now_us() * 2, user_agent=text, **whole
        )
        yield Invite(
            id=new_id(), email=f"i{slug}{text}@example.com", digest=secrets.token_bytes(32), seats=[Seat(workspace)],
            inviter=text, expires_us=now_us() * 2, **whole,
        )  # fmt: skip
        yield Workspace(id=new_id(), slug=slug, name=text, description=text, capture="metadata", **whole)
        yield ApiKey(
            id=new_id(), name=text, description=text, models=[text], digest=secrets.token_bytes(32), hint=text, **inside
        )
        yield Policy(id=new_id(), name=text, conditions=[Term("metadata.x", [text])], group_by=[f"metadata.{text}"], **inside)
        account = Integration(
            id=new_id(), slug=slug, name=text, provider="openai", description=text, tags={text: text},
            configurations={"openai_project": text}, **whole,
        )  # fmt: skip
        yield account
        yield VirtualKey(id=new_id(), slug=f"v{slug}", name=text, note=text, integration=account.id, **inside)
        written = msgspec.Raw(json.dumps({"provider": text, "override_params": {text: text}}).encode())
        config = SavedConfig(id=new_id(), slug=f"pc-{slug}", name=text, number=1, config=written, owner=text, **inside)
        yield config
        yield ConfigVersion(id=new_id(), of=config.id, number=1, config=written, author=text, **inside)
        yield SecretReference(
            id=new_id(), slug=slug, name=text, description=text, manager_type="file", secret_path=text, **whole
        )


def _record(organisation, workspace, number, text):
    """A request that has failed, and of which everything is the payload."""
    time_us = now_us() - number * 1000
    return Record(
        id=new_record_id(time_us, random.getrandbits(62)),
        time_us=time_us,
        trace_id=TRACE,
        span_id=f"s{number}",
        span_name=text,
        organisation=organisation,
        workspace=workspace,
        user=text,
        key_id=text,
        key_name=text,
        route=text,
        provider=text,
        provider_kind=text,
        operation="chat",
        path=f"/{text}",
        dialect_in="openai.chat",
        dialect_out=text,
        model_asked=text,
        downgraded=text,
        model_sent=text,
        model_served=text,
        status=500,
        outcome="failed",
        target=text,
        decisions=[Decision(text, "chosen", text)],
        attempts=[Attempt(text, text, text, 500, "server", text)],
        cost_note=text,
        price_version=text,
        latency_us=1000,
        cache="semantic miss",
        cache_note=text,
        match=Match(text, text, checks=[text]),
        error_code=text,
        error=text,
        metadata={"_user": text, text: text},
        losses=[text],
        revision=text,
        request=json.dumps({"model": text, "messages": [{"role": "user", "content": text}]}).encode(),
        response=json.dumps({"error": {"message": text}}).encode(),
        sent=text.encode(),
        received=text.encode(),
    )


def ask(gateway, number, pack):
    """Really ask the offline provider, which repeats what it is told, in a conversation of payloads; and say what it was worth.
    The answer is kept in the cache."""
    calls = [{"id": f"c{at}", "type": "function", "function": {"name": text, "arguments": json.dumps({text: text})}}
             for at, text in enumerate(pack)]  # fmt: skip
    body = {
        "model": "@sim/chat",
        "user": pack[0],
        "messages": [
            *({"role": "system", "content": text} for text in pack),
            {"role": "assistant", "content": None, "tool_calls": calls},
            *({"role": "tool", "tool_call_id": call["id"], "content": text} for call, text in zip(calls, pack, strict=True)),
            {
                "role": "user",
                "content": [
                    *({"type": "image_url", "image_url": {"url": f"https://evil.example/{text}"}} for text in pack),
                    {"type": "text", "text": "\n".join(pack)},
                ],
            },
        ],
        "tools": [
            {"type": "function", "function": {"name": f"tool{at}", "description": text, "parameters": {"title": text}}}
            for at, text in enumerate(pack)
        ],
    }
    headers = {
        "x_lockgate_metadata": json.dumps({"note": pack[0], "_user": pack[1], "other": pack[2]}),
        "x_lockgate_trace_id": f"t{number}",
        "x_lockgate_config": json.dumps({"provider": "@sim", "cache": {"mode": "simple"}}),
        "user_agent": pack[0].encode("ascii", "ignore").decode().replace("\n", " ").replace("\0", ""),
    }
    answer = gateway.ask("POST", "/v1/chat/completions", body, **headers)
    assert answer[0] == 200, answer
    said = {"trace_id": f"t{number}", "value": -3, "metadata": {f"m{at}": text for at, text in enumerate(pack)}}
    assert gateway.ask("POST", "/v1/feedback", said)[0] == 200
    job = {"filters": {"prompt_token_min": 0}, "description": pack[1]}
    made = gateway.ask("POST", "/v1/logs/exports", job)
    assert made[0] in (200, 201), made
    gateway.ask("POST", "/v1/chat/completions", {**body, "model": f"@sim/{pack[0]}"})
