"""control/alerts/subjects: rows as what alerts are about."""

import pytest

from lockgate.control.alerts.alert import Subject
from lockgate.control.alerts.subjects import subject_of
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.tenancy import ApiKey, Organisation, Policy, User, Workspace

WORK = Workspace(id="w", organisation="o", slug="work", name="Work")


@pytest.mark.parametrize(
    ("row", "subject"),
    [
        (Organisation(id="o", organisation="o", slug="acme", name="Acme"), Subject("organisation", "o", "Acme", "o")),
        (WORK, Subject("workspace", "w", "Work", "o", "w", "work")),
        (User(id="u", organisation="o", email="a@b.c"), Subject("user", "u", "a@b.c", "o")),
        (
            ApiKey(id="k", organisation="o", workspace="w", name="app", digest=b"", alert_emails=["a@b.c"]),
            Subject("key", "k", "app", "o", "w", "work", ("a@b.c",)),
        ),
        (ApiKey(id="k", organisation="o", name="app", digest=b""), Subject("key", "k", "app", "o")),
        (
            VirtualKey(id="v", organisation="o", workspace="gone", slug="v-slug", name="V", integration="i"),
            Subject("provider", "v", "V", "o", "gone"),
        ),
        (Integration(id="i", organisation="o", slug="i-slug", name="", provider="x"), Subject("provider", "i", "i-slug", "o")),
        (Policy(id="p", organisation="o", workspace="w"), Subject("policy", "p", "", "o", "w", "work")),
    ],
)
def test_a_row_is_what_an_alert_is_about(row, subject):
    assert subject_of(row, {"w": WORK}) == subject


def test_one_of_several_budgets_has_a_name_of_its_own():
    policy = Policy(id="p", organisation="o", name="by team")
    assert str(subject_of(policy, {}, "by team: search")) == "policy by team: search"
