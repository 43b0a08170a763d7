"""Accounts at Azure: what was said decides how a request is signed, and callers cannot lend the gateway's identity."""

import pytest

from lockgate.core.failure import Refusal
from lockgate.providers.auth import make_signer
from lockgate.providers.auth.azure_sources import AUTHORITY, ClientSecret, Managed, WorkloadIdentity
from lockgate.providers.auth.port import Given
from lockgate.providers.auth.settings import Settings
from lockgate.transport.exchange import Outgoing

SCOPE = "https://cognitiveservices.azure.com/.default"
ENTRA = {"azure_entra_tenant_id": "t-1", "azure_entra_client_id": "app-1", "azure_entra_client_secret": "s"}
CLUSTER = {"AZURE_TENANT_ID": "t-1", "AZURE_CLIENT_ID": "app-1", "AZURE_FEDERATED_TOKEN_FILE": "/f"}


def signer(key="", environment=None, scheme="azure", **said):
    return make_signer(scheme, Settings(**said), key, environment)


def headers(made, credential="k", path=b"/openai/v1/responses"):
    return dict(made.sign(Outgoing("POST", path, [], b""), "host", 0.0, credential))


def refused(key="", environment=None, **said):
    with pytest.raises(Refusal) as told:
        signer(key, environment, **said)
    return told.value


@pytest.mark.parametrize("mode", ["", "apiKey", "apikey"])
def test_a_key_goes_in_its_own_header(mode):
    made = signer("k", azure_auth_mode=mode)
    assert made.source == Given("k") and headers(made) == {b"api-key": b"k"}


def test_an_operators_key_may_be_in_the_environment():
    assert signer(environment={"AZURE_OPENAI_API_KEY": "k"}).source == Given("k")
    assert signer(environment={"AZURE_AI_API_KEY": "k"}, scheme="azure-foundry").source == Given("k")


def test_foundry_reads_a_key_where_each_of_its_apis_does():
    made = signer("k", scheme="azure-foundry")
    common = {b"api-key": b"k", b"extra-parameters": b"pass-through"}
    assert headers(made) == {**common, b"authorization": b"Bearer k"}
    assert headers(made, path=b"/anthropic/v1/messages") == {**common, b"x-api-key": b"k"}


def test_a_models_endpoint_is_told_its_deployment_and_what_to_do_with_the_rest():
    made = signer("k", scheme="azure-foundry", azure_extra_params="drop", azure_deployment_name="blue")
    assert headers(made)[b"extra-parameters"] == b"drop" and headers(made)[b"azureml-model-deployment"] == b"blue"


@pytest.mark.parametrize("scheme", ["azure", "azure-foundry"])
def test_a_token_goes_as_bearer(scheme):
    made = signer(scheme=scheme, azure_ad_token="Bearer eyJ.had")
    assert made.source == Given("eyJ.had") and headers(made, "eyJ.had")[b"authorization"] == b"Bearer eyJ.had"
    assert b"api-key" not in headers(made, "eyJ.had")


def test_an_application_of_entra():
    assert signer(**ENTRA, azure_auth_mode="entra").source == ClientSecret(AUTHORITY, "t-1", "app-1", "s", SCOPE)
    assert signer(**ENTRA).source == ClientSecret(AUTHORITY, "t-1", "app-1", "s", SCOPE)
    scoped = signer(
        **ENTRA,
        azure_entra_scope="https://ai.azure.com/.default",
        environment={"AZURE_AUTHORITY_HOST": "login.microsoftonline.us/"},
    )
    assert scoped.source == ClientSecret(
        "https://login.microsoftonline.us", "t-1", "app-1", "s", "https://ai.azure.com/.default"
    )


def test_the_machine_and_the_apps_platform():
    bare = signer(environment={}, azure_auth_mode="managed", azure_managed_client_id="u-1")
    assert bare.source == Managed("https://cognitiveservices.azure.com", "u-1")
    around = {"IDENTITY_ENDPOINT": "http://127.0.0.1:41000/token", "IDENTITY_HEADER": "h"}
    assert signer(environment=around, azure_auth_mode="managed").source == Managed(
        "https://cognitiveservices.azure.com", "", "http://127.0.0.1:41000/token", "h"
    )


def test_a_workload():
    made = signer(environment=CLUSTER, azure_auth_mode="workload", azure_workload_client_id="app-2")
    assert made.source == WorkloadIdentity(AUTHORITY, "t-1", "app-2", "/f", SCOPE)
    assert refused(environment={}, azure_auth_mode="workload").param == "azure_auth_mode"


@pytest.mark.parametrize("mode", ["managed", "workload"])
def test_a_caller_cannot_have_the_gateways_identity(mode):
    refusal = refused(azure_auth_mode=mode)
    assert (refusal.status, refusal.param) == (403, "azure_auth_mode")


def test_a_caller_does_not_choose_where_tokens_are_had():
    assert signer(**ENTRA).source.authority == AUTHORITY


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({}, "api_key"),
        ({"azure_auth_mode": "password"}, "azure_auth_mode"),
        ({"azure_auth_mode": "entra"}, "azure_entra_tenant_id"),
        ({**ENTRA, "azure_entra_client_secret": ""}, "azure_entra_client_secret"),
        ({**ENTRA, "azure_entra_tenant_id": "../evil"}, "azure_entra_tenant_id"),
        ({**ENTRA, "azure_entra_tenant_id": ".."}, "azure_entra_tenant_id"),
        ({**ENTRA, "azure_entra_scope": "a b"}, "azure_entra_scope"),
    ],
)
def test_what_is_wrong_is_named(said, param):
    assert refused(**said).param == param


@pytest.mark.parametrize(
    ("said", "param"),
    [({"azure_extra_params": "x\r\ny: z"}, "azure_extra_params"), ({"azure_deployment_name": "a\nb"}, "azure_deployment_name")],
)
def test_foundry_takes_no_header_in_a_setting(said, param):
    with pytest.raises(Refusal) as told:
        signer("k", scheme="azure-foundry", **said)
    assert told.value.param == param
