"""A mail server on loopback, a thread for each connection: it says what a test tells it to, at the step that it names."""

from __future__ import annotations

import base64
import contextlib
import socket
import threading


class SmtpServer:
    """`answers`: by step ("RCPT", "DATA", "." for the letter's end, "hello" for the greeting …), what to say instead; b"" says
    nothing any more, and a callable gets the connection. `users`: who may log in."""

    def __init__(self, *, starttls=None, tls=None, users=None, answers=None):
        self.starttls, self.tls, self.users, self.answers = starttls, tls, users, answers or {}
        self.letters = []
        self.said = []  # every command that came
        self._open = threading.Event()
        self._connections = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._open.set()
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, ValueError):
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            _Talk(self, connection).run()
        connection.close()


class _Talk:
    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        self.file = connection.makefile("rb")
        self.secure = server.tls is not None

    def run(self):
        self.sender, self.to = "", []
        self.step("hello", b"220 test")
        while line := self.file.readline():
            line = line.decode().rstrip("\r\n")
            self.server.said.append(line)
            verb = line.split()[0].upper()
            getattr(self, f"on_{verb.lower()}")(line)
            if verb == "QUIT":
                return

    def say(self, answer):
        self.connection.sendall(answer + b"\r\n")

    def step(self, name, usual):
        """Answer; whether as usual."""
        answer = self.server.answers.get(name, usual)
        if callable(answer):
            answer(self.connection)
            return False
        if not answer:
            self.server._open.wait(20)
            raise OSError("the test is over")
        self.say(answer)
        return answer is usual

    def on_ehlo(self, line):
        able = [b"test"]
        if self.server.starttls is not None and not self.secure:
            able.append(b"STARTTLS")
        if self.server.users is not None:
            able.append(b"AUTH PLAIN")
        self.step(
            "EHLO", b"\r\n".join(b"250-" + each for each in able[:-1]) + (b"\r\n" if able[1:] else b"") + b"250 " + able[-1]
        )

    def on_helo(self, line):
        self.step("HELO", b"250 test")

    def on_starttls(self, line):
        if self.step("STARTTLS", b"220 go on"):
            self.connection = self.server.starttls.wrap_socket(self.connection, server_side=True)
            self.server._connections.append(self.connection)
            self.file = self.connection.makefile("rb")
            self.secure = True

    def on_auth(self, line):
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        good = self.server.users.get(user) == password
        self.step("AUTH", b"235 welcome" if good else b"535 5.7.8 no: " + line.encode())

    def on_mail(self, line):
        self.sender = line.partition("<")[2].partition(">")[0]
        self.step("MAIL", b"250 ok")

    def on_rcpt(self, line):
        if self.step("RCPT", b"250 ok"):
            self.to.append(line.partition("<")[2].partition(">")[0])

    def on_data(self, line):
        if not self.step("DATA", b"354 go on"):
            return
        text = b""
        while (line := self.file.readline()) != b".\r\n":
            text += line
        if self.step(".", b"250 taken"):
            self.server.letters.append((self.sender, self.to, text))

    def on_rset(self, line):
        self.say(b"250 ok")

    def on_quit(self, line):
        self.step("QUIT", b"221 bye")
