"""What one attempt can cost at most: the amount that is reserved before it is sent. Pure arithmetic on integers.

A bound is true or there is none: every count is the most that the request admits, every token of the dearest kind that it can
be, every price the dearest that the answer may be charged at. What nobody can bound (an unknown price, a sound of unknown
length, tools that run at the provider as often as they like) gives no bound and a sentence that says why; it is never free.

Tokens of a text: at most one for each of its bytes. Vocabularies of bytes (byte-level BPE, SentencePiece with byte fallback)
never make more; JSON only adds bytes. Beyond its text a request has the marks that a chat template sets (`TURN`), and what a
provider says to its model of the tools (Anthropic states 159 to 804 tokens,
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing; `PREAMBLE`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from lockgate.policy.price import Flat, Units

#: Tokens beyond the text: of a request, of each turn, of tools if there are any; and of an answer beyond what was allowed.
REQUEST, TURN, PREAMBLE, ANSWER = 32, 16, 1024, 8
#: The output tokens that an answer is held to where nobody names a maximum; and the least that is worth asking for when a
#: budget has no more room.
CLAMP, LEAST_CLAMP = 8_192, 256

_HOUR_MS = 3_600_000


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks for, as it is sent.

    `text_bytes` is its body without the data of media. `images`, `sound_ms`, `film_ms` and `pages` are what goes in besides
    text; None: there is some, nobody knows how much. `recalls`: it refers to what the provider keeps (an earlier answer, a
    file). `calls`: how often tools at the provider may run, `searches`: how often it may search; None: as it likes.

    `answers` are made of at most `max_output` tokens each (None: the caller does not say); `answers` 0: no tokens are made.
    `clamps`: a maximum may be set for the caller. `predicted_bytes` is an expected answer, whose tokens are charged too.
    `pictures` are made, `characters` spoken, `rankings` are searches of documents that came along. `tier` is the service tier
    that the caller insists on.
    """

    text_bytes: int = 0
    turns: int = 0
    tools: bool = False
    images: int | None = 0
    sound_ms: int | None = 0
    film_ms: int | None = 0
    pages: int | None = 0
    recalls: bool = False
    calls: int | None = 0
    searches: int | None = 0
    answers: int = 1
    max_output: int | None = None
    clamps: bool = True
    predicted_bytes: int = 0
    pictures: int = 0
    characters: int = 0
    rankings: int = 0
    tier: str = ""

    @property
    def is_text(self) -> bool:
        """Whether text goes in and tokens come out, and nothing else can be charged: so it is with most."""
        return self.images == self.sound_ms == self.film_ms == self.pages == self.calls == self.searches == 0 and not (
            self.recalls or self.pictures or self.characters or self.rankings or self.predicted_bytes or self.tier
        )

    @property
    def has_media(self) -> bool:
        """Whether anything but text goes in."""
        return not self.images == self.sound_ms == self.film_ms == self.pages == 0 or self.recalls


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """What a model takes and makes at most; None: not known.

    In tokens: `context` in all, `max_output` an answer, `image` an image that goes in, `sound_s` and `film_s` a second of
    those, `page` a page, `picture` a picture that is made; `per_byte` a byte of text (above 1 where a text is normalised
    first: NFKC makes 33 bytes of the 3 of U+FDFA). `sound_ms` and `pages` are the longest that are taken, `searches` and
    `calls` how often the provider searches and runs tools of its own for one request.
    """

    context: int | None = None
    max_output: int | None = None
    image: int | None = None
    sound_s: int | None = None
    film_s: int | None = None
    page: int | None = None
    picture: int | None = None
    per_byte: int = 1
    sound_ms: int | None = None
    pages: int | None = None
    searches: int | None = None
    calls: int | None = None


class Step(msgspec.Struct, frozen=True):
    """A price that an answer may be charged at: with more than `above` input tokens, in the service tier `tier`.

    Rates are of the dearest kind: of a token that goes in as text, or as anything; of one that is made.
    """

    above: int
    tier: str
    per: int
    text: int
    any: int
    output: int
    search: int
    request: int
    units: Units


class Ceiling(msgspec.Struct, frozen=True):
    """The dearest that a price can be: made once of each price (`ceiling`)."""

    steps: tuple[Step, ...]
    plain: tuple[tuple[int, int, int, int, int], ...]  # of each step what text needs: above, text, output, request, per
    version: str
    tokens: bool  # they have a price, or searches do
    outputs: bool  # so have tokens that are made
    pages: bool
    hours: bool


class Bound(msgspec.Struct, frozen=True):
    """The most that one attempt uses: nano-USD, tokens, requests. None: there is no bound, and `why` says why not.

    `clamp` is the most output tokens of one answer that have to be sent upstream for the bound to be true; None: what is
    sent says so already.
    """

    cost: int | None
    tokens: int | None
    requests: int = 1
    clamp: int | None = None
    why: str = ""
    version: str = ""


class _Unbounded(Exception):
    """Why there is no bound."""


class _Most(msgspec.Struct):
    """The most of everything."""

    input: int
    output: int
    searches: int
    pages: int
    sound_ms: int


def ceiling(flat: Flat) -> Ceiling:
    """The dearest that a price can be."""
    steps = tuple(_steps(flat, -1, ""))
    return Ceiling(
        steps,
        tuple((step.above, step.text, step.output, step.request, step.per) for step in steps),
        flat.version,
        tokens=any(step.any or step.output or step.search for step in steps),
        outputs=any(step.output for step in steps),
        pages=any(step.units.page or step.units.annotated_page for step in steps),
        hours=any(step.units.hour for step in steps),
    )


def bound(ask: Ask, capacity: Capacity, price: Ceiling | None, *, most_output: int = CLAMP) -> Bound:
    """The most that a request uses. `most_output` is what each answer is held to where nobody names a maximum."""
    per_answer, clamp = ask.max_output, None
    if per_answer is None:
        per_answer = capacity.max_output
        if per_answer is None and ask.clamps:
            per_answer = clamp = most_output
    return _bound(ask, capacity, price, per_answer, clamp)


def fit(ask: Ask, capacity: Capacity, price: Ceiling | None, cost: int | None, tokens: int | None) -> Bound | None:
    """The bound of the same request with its answers held to what there is room for (None: room for all); None when that is
    not worth asking, or not ours to set."""
    if ask.max_output is not None or not ask.clamps or not ask.answers:
        return None
    low, high = LEAST_CLAMP, capacity.max_output or CLAMP
    found: Bound | None = None
    while low <= high:
        middle = (low + high) // 2
        tried = _bound(ask, capacity, price, middle, middle)
        if _within(tried.cost, cost) and _within(tried.tokens, tokens):
            found, low = tried, middle + 1
        else:
            high = middle - 1
    return found


def _within(most: int | None, room: int | None) -> bool:
    return room is None or (most is not None and most <= room)


def _bound(ask: Ask, capacity: Capacity, price: Ceiling | None, per_answer: int | None, clamp: int | None) -> Bound:
    if per_answer is not None and price is not None and ask.is_text:
        return _bound_of_text(ask, capacity, price, per_answer, clamp)
    return _bound_of_all(ask, capacity, price, per_answer, clamp)


def _bound_of_text(ask: Ask, capacity: Capacity, price: Ceiling, per_answer: int, clamp: int | None) -> Bound:
    """The same of what is text (`Ask.is_text`), in a tenth of the time."""
    input = ask.text_bytes * capacity.per_byte + REQUEST + ask.turns * TURN + (PREAMBLE if ask.tools else 0)
    if capacity.context is not None and input > capacity.context:
        input = capacity.context
    output = ask.answers * (per_answer + ANSWER)
    cost = 0
    for above, text, made, request, per in price.plain:
        if input > above:
            cost = max(cost, -(-(input * text + output * made + request) // per))
    return Bound(cost, input + output, clamp=clamp, version=price.version)


def _bound_of_all(ask: Ask, capacity: Capacity, price: Ceiling | None, per_answer: int | None, clamp: int | None) -> Bound:
    input = output = 0
    tokens, why = None, ""
    try:
        input, output = _input(ask, capacity), _output(ask, capacity, per_answer)
        tokens = input + output
    except _Unbounded as unbounded:
        why = str(unbounded)
    if price is None:
        return Bound(None, tokens, clamp=clamp, why=why or "the price of the model is not known")
    if tokens is None and price.tokens:
        return Bound(None, None, why=why, version=price.version)
    try:
        most = _Most(input, output, _searches(ask, capacity), _pages(ask, capacity, price), _sound(ask, capacity, price))
        _pictured(ask, capacity, price)
    except _Unbounded as unbounded:
        return Bound(None, tokens, clamp=clamp, why=str(unbounded), version=price.version)
    steps = [step for step in price.steps if input > step.above and (not ask.tier or step.tier in ("", ask.tier))]
    return Bound(max(_cost(ask, most, step) for step in steps), tokens, clamp=clamp, why=why, version=price.version)


# --- counts


def _input(ask: Ask, capacity: Capacity) -> int:
    """The most tokens that go in. A model that calls tools where it runs reads what they say, each time within its context."""
    calls = ask.calls if ask.calls is not None else capacity.calls
    searches = ask.searches if ask.searches is not None else capacity.searches
    if calls is None or searches is None:
        raise _Unbounded("tools run at the provider as often as the model likes")
    whole = None if capacity.context is None else capacity.context * (1 + calls + searches)
    counted = None if ask.recalls or calls or searches else _counted(ask, capacity)
    if counted is None:
        if whole is None:
            raise _Unbounded("how much the request refers to is not known, nor how much the model takes")
        return whole
    return counted if whole is None else min(counted, whole)


def _counted(ask: Ask, capacity: Capacity) -> int | None:
    """The tokens of what is sent; None where there is something that cannot be counted."""
    total = ask.text_bytes * capacity.per_byte + REQUEST + ask.turns * TURN + (PREAMBLE if ask.tools else 0)
    sound_ms = ask.sound_ms if ask.sound_ms is not None else capacity.sound_ms
    pages = ask.pages if ask.pages is not None else capacity.pages
    for amount, each, per in (
        (ask.images, capacity.image, 1),
        (sound_ms, capacity.sound_s, 1000),
        (ask.film_ms, capacity.film_s, 1000),
        (pages, capacity.page, 1),
    ):
        if amount == 0:
            continue
        if amount is None or each is None:
            return None
        total += -(-amount * each // per)
    return total


def _output(ask: Ask, capacity: Capacity, per_answer: int | None) -> int:
    """The most tokens that are made."""
    total = ask.predicted_bytes * capacity.per_byte
    if ask.answers:
        if per_answer is None:
            raise _Unbounded("neither the request nor anybody else says how long an answer may be")
        total += ask.answers * (per_answer + ANSWER)
    if ask.pictures:
        total += ask.pictures * (capacity.picture or 0)
    return total


def _searches(ask: Ask, capacity: Capacity) -> int:
    """Searches that are charged; where nobody knows how many there may be, there was no bound for the tokens either, and
    this price charges none."""
    searches = ask.searches if ask.searches is not None else capacity.searches
    return (searches or 0) + ask.rankings


def _pages(ask: Ask, capacity: Capacity, price: Ceiling) -> int:
    pages = ask.pages if ask.pages is not None else capacity.pages
    if pages is None and price.pages:
        raise _Unbounded("each page is charged, and how many there are is not known")
    return pages or 0


def _sound(ask: Ask, capacity: Capacity, price: Ceiling) -> int:
    sound_ms = ask.sound_ms if ask.sound_ms is not None else capacity.sound_ms
    if sound_ms is None and price.hours:
        raise _Unbounded("sound is charged by its length, which is not known")
    return sound_ms or 0


def _pictured(ask: Ask, capacity: Capacity, price: Ceiling) -> None:
    if ask.pictures and capacity.picture is None and price.outputs:
        raise _Unbounded("how many tokens a picture is charged at is not known")


# --- prices


def _steps(flat: Flat, above: int, tier: str) -> Iterator[Step]:
    """The price itself, those for more input, and those of other tiers."""
    text = max(flat.input, flat.cached, flat.cache_write, flat.cache_write_1h)
    any, output, search, request = text, flat.output, 0, 0
    if flat.special:
        # A token of sound or of an image costs the difference more, whether it is written to a cache or not.
        any = max(text + max(0, flat.audio_input - flat.input, flat.image_input - flat.input), flat.cached_audio)
        output = max(output, flat.audio_output, flat.image_output, flat.reasoning)
        search, request = flat.search, flat.request
    yield Step(above, tier, flat.per, text, any, output, search, request, flat.units or Units())
    for start, dearer in flat.above:
        yield from _steps(dearer, max(above, start), tier)
    for name, other in (flat.tiers or {}).items():
        yield from _steps(other, above, name)


def _cost(ask: Ask, most: _Most, step: Step) -> int:
    """What the most of everything costs at one price, rounded up."""
    total = most.input * (step.any if ask.has_media else step.text) + most.output * step.output
    total += most.searches * step.search + step.request
    units, per = step.units, step.per
    heard_ms = max(most.sound_ms, units.least_ms) if most.sound_ms else 0
    things = (
        ask.characters * (units.character or 0)
        + most.pages * max(units.page or 0, units.annotated_page or 0)
        + ask.pictures * (units.image or 0)
    )
    return -(-((total + things) * _HOUR_MS + heard_ms * (units.hour or 0)) // (per * _HOUR_MS))
