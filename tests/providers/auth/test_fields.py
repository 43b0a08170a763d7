"""What forms ask of an account."""

from lockgate.control.accounts import SECRET
from lockgate.providers.auth import SIGNERS
from lockgate.providers.auth.fields import FIELDS, fields_of
from lockgate.providers.auth.settings import Settings


def test_what_is_asked_is_what_schemes_read_and_its_secrets_are_sealed():
    for fields in FIELDS.values():
        for field in fields:
            assert field.name in Settings.__struct_fields__
            assert field.secret == (field.name in SECRET), field.name


def test_each_scheme_that_signs_is_asked_for_more_than_a_key():
    assert all(fields_of(scheme) for scheme in SIGNERS)
    assert fields_of("bearer") == ()
