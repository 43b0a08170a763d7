"""Deployments: models under the names of an account."""

import pytest

from lockgate.core.failure import Refusal
from lockgate.providers.auth.settings import Deployment, Settings
from lockgate.providers.deployments import deployments_of


def test_nothing_said_is_nothing():
    assert deployments_of(Settings()) == {}


def test_a_deployment_has_its_own_name_and_an_alias_and_may_be_the_default():
    said = Settings(deployments=[Deployment("dep-1", "gpt-4o"), Deployment("dep-2", is_default=True)])
    assert deployments_of(said) == {"gpt-4o": "dep-1", "dep-1": "dep-1", "dep-2": "dep-2", "*": "dep-2"}


def test_one_for_every_name_and_both_spellings():
    assert deployments_of(Settings(deployment_id="a")) == {"*": "a"}
    assert deployments_of(Settings(azure_deployment_id="b", deployment_id="a")) == {"*": "b"}


def test_a_default_among_several_comes_first():
    said = Settings(deployments=[Deployment("dep-2", is_default=True)], deployment_id="a")
    assert deployments_of(said)["*"] == "dep-2"


@pytest.mark.parametrize("name", ["..", ".", "a/b", "a?b", "a b", "a%2f", "", "x" * 129])
def test_a_name_is_a_safe_part_of_a_path(name):
    with pytest.raises(Refusal) as told:
        deployments_of(Settings(deployments=[Deployment(name)]))
    assert told.value.param == "deployments[0].deployment_id"
