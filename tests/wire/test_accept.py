"""What a caller takes, by its own words."""

import pytest

from lockgate.wire.accept import quality


@pytest.mark.parametrize(
    ("header", "member", "weight"),
    [
        ("gzip, br", "br", 1.0),
        ("gzip;q=0.5, br;q=0", "br", 0.0),
        ("gzip; q=0.5", "gzip", 0.5),
        ("GZIP", "gzip", 1.0),
        ("text/html;level=1;q=0.7", "text/html", 0.7),
        ("*/*", "text/html", 0.0),
        ("*", "br", 0.0),
        ("brotli", "br", 0.0),
        ("br;q=7", "br", 1.0),
        ("br;q=", "br", 0.0),
        ("br;q=x", "br", 0.0),
        ("", "br", 0.0),
        (",;,", "br", 0.0),
    ],
)
def test_a_member_has_the_weight_that_it_is_given(header, member, weight):
    assert quality(header, member) == weight
