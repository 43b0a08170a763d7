"""control/alerts/mail and smtp: letters by a real server, over lines that are verified, to one address each."""

import asyncio
import email
import email.policy
import socket
import ssl
import threading

import pytest
import trustme

from lockgate.control.alerts import smtp
from lockgate.control.alerts.alert import Subject, trial
from lockgate.control.alerts.channel import Trouble
from lockgate.control.alerts.mail import Mail, letter
from lockgate.control.alerts.mail_server import Server, is_address
from lockgate.control.alerts.smtp import Session, send
from support.alerts import NOW, budget, with_means
from support.smtp import SmtpServer

CA = trustme.CA()
SENDER, TO = "lockgate@example.com", "ops@example.com"


@pytest.fixture(scope="module")
def ca_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    CA.cert_pem.write_to_path(path)
    return str(path)


def serving(name="mail.example"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(name).configure_cert(context)
    return context


def mailed(server, alert=None, to=TO, *, total_s=smtp.TOTAL_S, **more):
    """What becomes of a letter to a server of that name on loopback."""
    more = {"allow": ["127.0.0.0/8"], "mail_example": ("127.0.0.1",), **more}
    made = letter(alert or budget(), SENDER, to)
    return with_means(lambda means: send(server, made, SENDER, to, means, total_s), **more)


def plainly(stub, **more):
    return mailed(Server("mail.example", stub.port, "none"), **more)


def test_a_letter_arrives_over_starttls_after_a_login(ca_file):
    with SmtpServer(starttls=serving(), users={"me": "hunter2"}) as stub:
        server = Server("mail.example", stub.port, "starttls", "me", "hunter2", ca_file)
        channel = Mail(server, SENDER, [TO])
        got = with_means(
            lambda means: channel.deliver(budget(note="Look at it."), TO, means),
            allow=["127.0.0.0/8"],
            mail_example=("127.0.0.1",),
        )
    assert got is None
    ((sender, to, text),) = stub.letters
    assert (sender, to) == (SENDER, [TO])
    assert stub.said[1] == "STARTTLS"
    read = email.message_from_bytes(text, policy=email.policy.default)
    assert read["Subject"] == "[lockgate] 80% of the budget of key marketing is used: $81.50 of $100.00."
    assert (read["From"], read["To"], read["Auto-Submitted"]) == (SENDER, TO, "auto-generated")
    assert read["Date"].datetime.timestamp() == NOW / 1e6
    lines = read.get_content().splitlines()
    assert lines[:3] == ["80% of the budget of key marketing is used: $81.50 of $100.00.", "Look at it.", ""]
    assert "Limit:     $100.00" in lines
    assert text.isascii()


def test_a_letter_arrives_over_tls(ca_file):
    with SmtpServer(tls=serving()) as stub:
        assert mailed(Server("mail.example", stub.port, "tls", ca_file=ca_file)) is None
    assert len(stub.letters) == 1


def test_a_server_of_ones_own_may_do_without():
    with SmtpServer() as stub:
        assert plainly(stub) is None
        assert mailed(Server("127.0.0.1", stub.port, "none"), allow=()) is None  # an address that the operator wrote
    assert len(stub.letters) == 2


def test_a_line_that_cannot_be_secured_carries_nothing(ca_file):
    with SmtpServer(users={"me": "hunter2"}) as stub:  # as one is whose STARTTLS somebody has stripped
        trouble = mailed(Server("mail.example", stub.port, "starttls", "me", "hunter2", ca_file))
    assert "STARTTLS extension not supported by server" in trouble.why
    assert [line.split()[0] for line in stub.said] == ["ehlo"]
    with SmtpServer(starttls=serving(), answers={"STARTTLS": b"454 not now"}) as stub:
        trouble = mailed(Server("mail.example", stub.port, "starttls", ca_file=ca_file))
    assert trouble.why.endswith("answered: 454 not now")


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_of_somebody_else_is_not_accepted(security, ca_file):
    with SmtpServer(**{security: serving("other.example")}) as stub:
        trouble = mailed(Server("mail.example", stub.port, security, ca_file=ca_file))
        strange = mailed(Server("mail.example", stub.port, security))
    assert "its certificate was not accepted (Hostname mismatch" in trouble.why
    assert "its certificate was not accepted (unable to get local issuer certificate)" in strange.why
    assert stub.letters == []


def test_a_wrong_password_is_told_without_it(ca_file):
    with SmtpServer(starttls=serving(), users={"me": "other"}) as stub:
        trouble = mailed(Server("mail.example", stub.port, "starttls", "me", "hunter2", ca_file))
    assert trouble.why.endswith("does not accept the user and password (status 535).")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"hello": b"554 go away"}, "answered: 554 go away"),
        ({"EHLO": b"502 what?", "HELO": b"502 what?"}, "answered: 502 what?"),
        ({"MAIL": b"550 not you"}, "answered: 550 not you"),
        ({"RCPT": b"550 5.1.1 no \xff such user"}, "does not take mail for ops@example.com: 550 5.1.1 no such user"),
        ({"DATA": b"452 full"}, "answered: 452 full"),
        ({".": b"554 spam: " + b"x" * 300}, "answered: 554 spam: " + "x" * 194),
        ({"MAIL": lambda line: line.shutdown(socket.SHUT_RDWR)}, "cannot be used: Connection unexpectedly closed"),
    ],
)
def test_what_a_server_has_against_it_is_told(answers, why):
    with SmtpServer(answers=answers) as stub:
        trouble = plainly(stub)
    assert trouble.why.startswith(f"the mail server mail.example:{stub.port} {why}")
    assert trouble.why.isascii()
    assert stub.letters == []


@pytest.mark.parametrize("answer", [b"500 what?", lambda line: line.shutdown(socket.SHUT_RDWR)])
def test_what_comes_behind_a_letter_that_was_taken_does_not_count(answer):
    with SmtpServer(answers={"QUIT": answer}) as stub:
        assert plainly(stub) is None
    assert len(stub.letters) == 1


def test_a_server_that_says_nothing_is_left():
    with SmtpServer(answers={"RCPT": b""}) as stub:
        trouble = plainly(stub, total_s=0.3)
        assert trouble == Trouble(f"the mail server mail.example:{stub.port} did not take the letter within 0.3 s.")
        assert not [each for each in threading.enumerate() if "send" in each.name]


def test_a_server_that_is_slow_to_part_has_the_letter():
    with SmtpServer(answers={"QUIT": b""}) as stub:
        assert plainly(stub, total_s=0.5) is None
    assert len(stub.letters) == 1


def test_a_server_that_does_not_answer_a_step_is_left():
    with SmtpServer(answers={"hello": b""}) as stub:
        session = Session(Server("mail.example", stub.port, "none"), ["127.0.0.1"], step_s=0.1)
        assert session.send(letter(budget(), SENDER, TO), SENDER, TO).why.endswith(
            "cannot be used: Connection unexpectedly closed: timed out."
        )
        session.abort()
        session.abort()  # and once more does no harm


def test_a_server_that_does_not_stop_talking_is_left(monkeypatch):
    monkeypatch.setattr(smtp, "HEARD", 1000)
    with SmtpServer(answers={"EHLO": b"250-x\r\n" * 1000 + b"250 x"}) as stub:
        assert "it does not stop talking" in plainly(stub).why


def test_a_name_that_leads_inside_is_refused():
    with SmtpServer() as stub:
        trouble = plainly(stub, allow=())
        metadata = plainly(stub, mail_example=("93.184.215.14", "169.254.169.254"))
    assert "which resolves to the loopback address" in trouble.why
    assert "link-local or metadata" in metadata.why
    assert stub.said == []


def test_a_name_that_nobody_knows_is_told():
    assert mailed(Server("nowhere.example", 25, "none")) == Trouble("nowhere.example could not be resolved.")


def test_the_next_address_is_tried_when_one_does_not_answer():
    with SmtpServer() as stub:
        assert plainly(stub, mail_example=("127.0.0.2", "127.0.0.1")) is None
        gone = Server("mail.example", 9, "none")
        assert mailed(gone, mail_example=("127.0.0.2",)).why.endswith("cannot be used: Connection refused.")
    assert len(stub.letters) == 1


def test_a_session_that_was_broken_off_connects_no_more():
    with SmtpServer() as stub:
        session = Session(Server("mail.example", stub.port, "none"), ["127.0.0.1"])
        session.abort()
        assert session.send(letter(budget(), SENDER, TO), SENDER, TO).why.endswith("it was broken off.")
        late = Session(Server("mail.example", stub.port, "none"), ["127.0.0.1"])
        real = socket.create_connection

        def slow(*args):
            sock = real(*args)
            late.abort()
            return sock

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "create_connection", slow)
            assert late.send(letter(budget(), SENDER, TO), SENDER, TO).why.endswith("it was broken off.")
    assert stub.letters == []
    late.abort()


def test_leaving_breaks_the_connection_off():
    async def left(means):
        task = asyncio.ensure_future(
            send(Server("127.0.0.1", stub.port, "none"), letter(budget(), SENDER, TO), SENDER, TO, means)
        )
        while not stub.said:
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with SmtpServer(answers={"EHLO": b""}) as stub:
        with_means(left)  # which waits for its threads at the end


@pytest.mark.parametrize(
    "text",
    ["a@b.c", "first.last+tag@mail.example.com", "o'neil@x.org", "a@localhost", "x" * 64 + "@b.c"],
)
def test_addresses_are_taken(text):
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "@b.c",
        "a@",
        "a b@c.d",
        "a@b.c\r\nBcc: x@y.z",
        "a@b.c\n",
        "a@b.c, d@e.f",
        "A <a@b.c>",
        "a@b@c.d",
        ".a@b.c",
        "a.@b.c",
        "a..b@c.d",
        "a@-b.c",
        "a@b..c",
        "a@[127.0.0.1]",
        '"a b"@c.d',
        "ä@b.c",
        "a@ä.de",
        "x" * 65 + "@b.c",
        "a@" + "b." * 130 + "c",
        "-oQ/tmp@",
    ],
)
def test_what_a_server_might_misread_is_no_address(text):
    assert not is_address(text)
    channel = Mail(Server("mail.example", 25), SENDER, [])
    assert with_means(lambda means: channel.deliver(budget(), text, means)).why.startswith("This is no address")


def test_a_name_cannot_add_a_header():
    made = letter(budget(subject=Subject("key", "k", "x\r\nBcc: victim@example.com\r\n\r\nbody")), SENDER, TO)
    read = email.message_from_bytes(made.as_bytes(), policy=email.policy.default)
    assert "Bcc" not in read
    assert read["Subject"].startswith("[lockgate] 80% of the budget of key x  Bcc: victim@example.com")
    assert made.as_bytes().isascii()


def test_letters_in_any_language_are_ascii_on_the_line():
    made = letter(budget(subject=Subject("key", "k", "市場 – ключ")), SENDER, TO)
    assert made.as_bytes().isascii()
    assert max(map(len, made.as_bytes().splitlines())) <= 998
    read = email.message_from_bytes(made.as_bytes(), policy=email.policy.default)
    assert "市場 – ключ" in read["Subject"]
    assert "市場 – ключ" in read.get_content()


def test_a_letter_has_one_id_for_each_address():
    assert letter(budget(), SENDER, TO)["Message-ID"] == letter(budget(), SENDER, TO)["Message-ID"]
    assert letter(budget(), SENDER, TO)["Message-ID"] != letter(budget(), SENDER, "b@example.com")["Message-ID"]
    assert letter(trial(NOW), SENDER, TO)["Message-ID"].endswith("@example.com>")


def test_a_server_does_not_show_its_password():
    server = Server("mail.example", 587, "starttls", "me", "hunter2")
    for shown in (repr(server), repr(server.__rich_repr__()), repr(Mail(server, SENDER, [TO])), repr(Session(server, []))):
        assert "hunter2" not in shown
        assert "mail.example" in shown
    assert Session(server, []).send(letter(budget(), SENDER, TO), SENDER, TO).why.endswith("it has no addresses.")


def test_our_own_name_is_asked_of_nobody(monkeypatch):
    monkeypatch.setattr(socket, "getfqdn", None)
    for name, hello in (("gate.example", "ehlo gate.example"), ("gate", "ehlo [127.0.0.1]")):
        monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
        with SmtpServer() as stub:
            assert plainly(stub) is None
        assert stub.said[0] == hello


def test_an_address_that_does_not_answer_is_told(monkeypatch):
    def silent(*_):
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    trouble = Session(Server("mail.example", 25, "none"), ["192.0.2.1"]).send(letter(budget(), SENDER, TO), SENDER, TO)
    assert trouble == Trouble("the mail server mail.example:25 cannot be used: it did not answer.")


def test_a_connection_that_has_ended_is_broken_off_all_the_same():
    session = Session(Server("mail.example", 25, "none"), [])
    session._line = line = socket.socket()  # one that was never connected answers as one that is reset
    session.abort()
    assert line.fileno() == -1
