from lockgate.wire.hygiene import of_answer, of_request


def test_of_an_answer_all_passes_but_what_belongs_to_connection_site_and_user():
    headers = [
        (b"content-type", b"a"),
        (b"set-cookie", b"b"),
        (b"x-request-id", b"c"),
        (b"content-length", b"5"),
        (b"transfer-encoding", b"chunked"),
        (b"access-control-allow-origin", b"*"),
        (b"server", b"s"),
        (b"cf-ray", b"r"),
        (b"x-lockgate-provider", b"forged"),
        (b"content-disposition", b"d"),
        (b"etag", b"e"),
        (b"location", b"f"),
    ]
    assert [name for name, _ in of_answer(headers)] == [
        b"content-type",
        b"x-request-id",
        b"content-disposition",
        b"etag",
        b"location",
    ]


def test_of_a_request_passes_what_is_named_once():
    headers = {b"accept": b"a", b"cookie": b"b", b"range": b"c"}
    assert of_request(headers, (b"range", b"accept", b"range", b"prefer")) == [(b"range", b"c"), (b"accept", b"a")]
