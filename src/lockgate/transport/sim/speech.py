"""What the simulator says: short, plain, about the request, and honest that no model was asked."""

from __future__ import annotations

import re
from collections import Counter

from lockgate.transport.sim.ask import Ask
from lockgate.transport.sim.message import MEDIA

#: How an answer says who speaks; the seed and the number of the choice pick one.
_SIGNATURES = (
    "This is Lockgate's simulator; no model was asked.",
    "Lockgate's simulator wrote this, not a model.",
    "I am Lockgate's offline simulator, so take it lightly.",
    "So says Lockgate's simulator, which knows nothing else.",
)

#: "Say pong.", "Please reply with the word pong!": what is to be said, where that is all that a line asks for.
_SAY = re.compile(
    r"(?:^|please |just )(?:say|reply with|respond with|answer with|reply|respond|answer)(?: only| exactly| just)?"
    r"(?: the words?)?:? [\"“'`]?(?P<said>[^\"”`]{1,200}?)[\"”'`]?[.!]*$",
    re.IGNORECASE,
)


def shortened(text: str, most: int = 200) -> str:
    """A text on one line, cut to `most` characters."""
    line = " ".join(text[: most * 4].split())
    return line if len(line) <= most else line[: most - 1] + "…"


def last_line(text: str) -> str:
    """The last line of a text, without the quotes that some programs put around what their user typed."""
    line = text.strip().rpartition("\n")[2].strip()
    return line[1:-1] if len(line) > 2 and line[0] == line[-1] == '"' and '"' not in line[1:-1] else line


def spoken(ask: Ask, choice: int = 0) -> str:
    """The answer in words to the results of tools, or else to what the user said."""
    signature = _SIGNATURES[((ask.seed or 0) + choice) % len(_SIGNATURES)]
    if results := ask.results():
        told = " ".join(f"{name} answered: {shortened(text) or 'nothing'}." for name, text in results)
        return f"{told.replace('..', '.')} {signature}"
    words = ask.words()
    if match := _SAY.search(last_line(words)):
        return f"{match['said']}. {signature}"
    heard = f"You said: “{shortened(words)}”." if words else "You said nothing."
    return f"{heard}{_media(ask)} {signature}"


def _media(ask: Ask) -> str:
    """A sentence on what came beside the text."""
    message = ask.last_user()
    kinds = Counter(MEDIA[kind][1] for kind in (message.media() if message else ()))
    if not kinds:
        return ""
    return " With it came " + " and ".join(f"{n} {kind}{'s' if n > 1 else ''}" for kind, n in kinds.items()) + "."


def reasoned(ask: Ask) -> str:
    """The thoughts before an answer."""
    if ask.results():
        return "The tools have answered. I shall tell the user what they said."
    return f"The user says: “{shortened(ask.words(), 80)}”. I am a simulator: I shall answer in a sentence."


def echoed(ask: Ask) -> str:
    """All that the user said last, as it was said."""
    message = ask.last_user()
    return message.text() if message else ""
