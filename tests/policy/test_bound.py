"""policy/bound: what an attempt can cost at most, which no answer may ever exceed."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.reply import Usage
from lockgate.policy import bound as module
from lockgate.policy.bound import ANSWER, CLAMP, LEAST_CLAMP, PREAMBLE, REQUEST, TURN, Ask, Bound, Capacity, bound, ceiling, fit
from lockgate.policy.price import Flat, Rates, Units, cost

#: $2 and $8 for a million tokens.
PLAIN = Rates(input=Decimal(2), output=Decimal(8)).flat("plain")
KNOWN = Capacity(context=200_000, max_output=16_000)


def most(ask: Ask, capacity: Capacity = KNOWN, flat: Flat | None = PLAIN) -> Bound:
    return bound(ask, capacity, None if flat is None else ceiling(flat))


def test_a_text_costs_its_bytes_and_the_marks_about_it() -> None:
    found = most(Ask(text_bytes=1000, turns=3, tools=True, max_output=100))
    input = 1000 + REQUEST + 3 * TURN + PREAMBLE
    assert found == Bound((input * 2 + (100 + ANSWER) * 8) * 1000, input + 100 + ANSWER, version="plain")


def test_every_answer_that_is_asked_for_counts() -> None:
    one = most(Ask(text_bytes=10, max_output=50))
    five = most(Ask(text_bytes=10, max_output=50, answers=5))
    assert one.cost is not None
    assert five.cost == one.cost + 4 * (50 + ANSWER) * 8000


def test_no_answer_costs_its_input_alone() -> None:
    assert most(Ask(text_bytes=10, answers=0)).tokens == 10 + REQUEST


def test_the_context_is_the_most_that_goes_in() -> None:
    assert most(Ask(text_bytes=10_000_000, max_output=1)).tokens == 200_000 + 1 + ANSWER


def test_a_text_that_is_normalised_may_have_more_tokens_than_bytes() -> None:
    capacity = Capacity(per_byte=11)
    assert most(Ask(text_bytes=10, answers=0), capacity).tokens == 110 + REQUEST


def test_what_the_caller_allows_counts_even_above_what_the_model_is_said_to_make() -> None:
    assert most(Ask(max_output=20_000)).tokens == REQUEST + 20_000 + ANSWER


def test_where_the_caller_is_silent_the_models_maximum_counts() -> None:
    found = most(Ask())
    assert (found.tokens, found.clamp) == (REQUEST + 16_000 + ANSWER, None)


def test_where_nobody_knows_a_maximum_one_is_set_and_told() -> None:
    found = most(Ask(), Capacity())
    assert (found.tokens, found.clamp) == (REQUEST + CLAMP + ANSWER, CLAMP)


def test_where_none_may_be_set_there_is_no_bound() -> None:
    found = most(Ask(clamps=False), Capacity())
    assert (found.cost, found.tokens) == (None, None)
    assert "how long an answer may be" in found.why


def test_an_unknown_price_is_never_nothing() -> None:
    found = most(Ask(text_bytes=8, max_output=1), flat=None)
    assert found == Bound(None, 8 + REQUEST + 1 + ANSWER, why="the price of the model is not known")


def test_an_expected_answer_is_charged_beside_the_real_one() -> None:
    assert most(Ask(max_output=10, predicted_bytes=500)).tokens == REQUEST + 500 + 10 + ANSWER


# --- the dearest kind


@pytest.mark.parametrize(
    ("rates", "dearest"),
    [
        (Rates(input=Decimal(2), cached=Decimal(1), cache_write=Decimal("2.5")), 2500),
        (Rates(input=Decimal(2), cache_write=Decimal("2.5"), cache_write_1h=Decimal(4)), 4000),
        (Rates(input=Decimal(2), cached=Decimal(3)), 3000),
    ],
)
def test_a_token_is_of_the_dearest_kind_that_a_text_can_be(rates: Rates, dearest: int) -> None:
    assert most(Ask(text_bytes=10, answers=0), flat=rates.flat("x")).cost == (10 + REQUEST) * dearest


def test_sound_is_dearer_only_where_there_is_some() -> None:
    flat = Rates(input=Decimal(2), audio_input=Decimal(40), cached_audio=Decimal(50)).flat("x")
    capacity = Capacity(sound_s=10)
    assert most(Ask(text_bytes=10, answers=0), capacity, flat).cost == (10 + REQUEST) * 2000
    assert most(Ask(text_bytes=10, sound_ms=1500, answers=0), capacity, flat).cost == (10 + REQUEST + 15) * 50_000


@pytest.mark.parametrize(
    ("rates", "dearest"),
    [({"reasoning": Decimal(30)}, 30_000), ({"audio_output": Decimal(20)}, 20_000), ({"image_output": Decimal(1)}, 8000)],
)
def test_an_answer_is_of_the_dearest_kind(rates: dict[str, Decimal], dearest: int) -> None:
    flat = Rates(input=Decimal(0), output=Decimal(8), **rates).flat("x")
    assert most(Ask(max_output=92), flat=flat).cost == 100 * dearest


LONG = msgspec.structs.replace(PLAIN, above=((100_000, Rates(input=Decimal(4), output=Decimal(12)).flat("long")),))


def test_a_long_input_is_charged_as_one() -> None:
    assert most(Ask(text_bytes=100_000 - REQUEST, answers=0), flat=LONG).cost == 100_000 * 2000
    assert most(Ask(text_bytes=100_001 - REQUEST, answers=0), flat=LONG).cost == 100_001 * 4000


def test_the_dearest_tier_counts_unless_the_caller_insists_on_another() -> None:
    tiers = {
        "priority": Rates(input=Decimal(5), output=Decimal(8)).flat("p"),
        "flex": Rates(input=Decimal(1), output=Decimal(8)).flat("f"),
    }
    flat = msgspec.structs.replace(PLAIN, tiers=tiers)
    input = 10 + REQUEST
    assert most(Ask(text_bytes=10, answers=0), flat=flat).cost == input * 5000
    assert most(Ask(text_bytes=10, answers=0, tier="flex"), flat=flat).cost == input * 2000  # it may be served as usual
    assert most(Ask(text_bytes=10, answers=0, tier="priority"), flat=flat).cost == input * 5000


def test_searches_and_the_request_itself_are_charged() -> None:
    flat = Rates(input=Decimal(0), output=Decimal(0), search=Decimal(10), request=Decimal(5)).flat("x")
    assert most(Ask(searches=3), flat=flat).cost == 3 * 10_000_000 + 5_000_000


# --- media


@pytest.mark.parametrize(
    ("ask", "capacity", "tokens"),
    [
        (Ask(images=2, answers=0), Capacity(image=1600), 3200),
        (Ask(sound_ms=2001, answers=0), Capacity(sound_s=32), 65),
        (Ask(film_ms=1000, answers=0), Capacity(film_s=300), 300),
        (Ask(pages=4, answers=0), Capacity(page=1000), 4000),
        (Ask(sound_ms=None, answers=0), Capacity(sound_s=10, sound_ms=60_000), 600),
        (Ask(pages=None, answers=0), Capacity(page=10, pages=100), 1000),
    ],
)
def test_media_are_as_many_tokens_as_their_provider_makes_of_them(ask: Ask, capacity: Capacity, tokens: int) -> None:
    assert most(ask, capacity).tokens == tokens + REQUEST


@pytest.mark.parametrize(
    "ask", [Ask(images=1), Ask(images=None), Ask(sound_ms=5), Ask(film_ms=None), Ask(pages=None), Ask(recalls=True)]
)
def test_what_cannot_be_counted_fills_the_context(ask: Ask) -> None:
    assert most(msgspec.structs.replace(ask, answers=0)).tokens == 200_000
    unbounded = most(ask, Capacity())
    assert (unbounded.cost, unbounded.tokens) == (None, None)
    assert unbounded.why == "how much the request refers to is not known, nor how much the model takes"


def test_tools_at_the_provider_may_read_a_context_each_time() -> None:
    assert most(Ask(calls=2, searches=1, answers=0)).tokens == 4 * 200_000
    assert most(Ask(calls=None, answers=0), Capacity(context=1000, calls=5)).tokens == 6000


@pytest.mark.parametrize("ask", [Ask(calls=None), Ask(searches=None)])
def test_tools_without_an_end_have_no_bound(ask: Ask) -> None:
    assert most(ask).why == "tools run at the provider as often as the model likes"


# --- other things than tokens

THINGS = Flat(
    0,
    0,
    0,
    0,
    0,
    "things",
    tokens=False,
    units=Units(character=15_000, page=10**9, annotated_page=3 * 10**9, image=4 * 10**10, hour=36 * 10**8, least_ms=10_000),
)


def test_things_are_charged_each() -> None:
    assert most(Ask(characters=100), flat=THINGS).cost == 2
    assert most(Ask(pages=2), flat=THINGS).cost == 6000  # described, which is dearer
    assert most(Ask(pictures=3), flat=THINGS).cost == 120_000
    assert most(Ask(sound_ms=3_600_000), flat=THINGS).cost == 3600


def test_a_short_sound_is_charged_as_the_least() -> None:
    assert most(Ask(sound_ms=1), flat=THINGS).cost == 10


def test_a_price_of_things_needs_no_bound_of_tokens() -> None:
    found = most(Ask(sound_ms=7_200_000), Capacity(), THINGS)
    assert (found.cost, found.tokens) == (7200, None)
    assert found.why


@pytest.mark.parametrize(
    ("ask", "flat", "why"),
    [
        (Ask(pages=None), THINGS, "each page is charged, and how many there are is not known"),
        (Ask(sound_ms=None), THINGS, "sound is charged by its length, which is not known"),
        (Ask(pictures=1), PLAIN, "how many tokens a picture is charged at is not known"),
    ],
)
def test_things_that_nobody_counted_have_no_bound(ask: Ask, flat: Flat, why: str) -> None:
    found = most(ask, flat=flat)
    assert (found.cost, found.why) == (None, why)


def test_things_that_nobody_counted_and_nobody_charges_are_no_matter() -> None:
    flat = msgspec.structs.replace(THINGS, units=Units(character=15_000))
    assert most(Ask(pages=None, sound_ms=None, characters=100), flat=flat).cost == 2


def test_pictures_of_tokens_are_as_large_as_they_can_be() -> None:
    assert most(Ask(pictures=2, answers=0), Capacity(picture=6240)).tokens == REQUEST + 2 * 6240


# --- what there is room for


def test_an_answer_is_held_to_what_there_is_room_for() -> None:
    ask, price = Ask(text_bytes=1000), ceiling(PLAIN)
    whole = bound(ask, KNOWN, price)
    assert whole.cost is not None
    held = fit(ask, KNOWN, price, whole.cost // 2, None)
    assert held is not None
    assert held.cost is not None
    assert held.clamp is not None
    assert whole.cost // 2 - 8000 < held.cost <= whole.cost // 2
    assert bound(msgspec.structs.replace(ask, max_output=held.clamp), KNOWN, price).cost == held.cost


def test_tokens_may_be_what_there_is_too_little_of() -> None:
    held = fit(Ask(text_bytes=1000), KNOWN, None, None, 2000)
    assert held is not None
    assert (held.tokens, held.clamp) == (2000, 2000 - 1000 - REQUEST - ANSWER)


def test_all_of_the_room_is_used_where_it_suffices() -> None:
    held = fit(Ask(), Capacity(), ceiling(PLAIN), 10**12, 10**12)
    assert held is not None
    assert held.clamp == CLAMP


@pytest.mark.parametrize(
    ("ask", "cost", "tokens"),
    [
        (Ask(max_output=5), 10**9, None),  # the caller's word stands
        (Ask(clamps=False), 10**9, None),
        (Ask(answers=0), 10**9, None),
        (Ask(), (REQUEST * 2 + (LEAST_CLAMP + ANSWER) * 8) * 1000 - 1, None),
        (Ask(), None, 100),
        (Ask(calls=None), 10**15, None),
    ],
)
def test_what_does_not_fit_is_not_asked(ask: Ask, cost: int | None, tokens: int | None) -> None:
    assert fit(ask, KNOWN, ceiling(PLAIN), cost, tokens) is None


def test_the_least_answer_is_still_worth_it() -> None:
    held = fit(Ask(), KNOWN, ceiling(PLAIN), (REQUEST * 2 + (LEAST_CLAMP + ANSWER) * 8) * 1000, None)
    assert held is not None
    assert held.clamp == LEAST_CLAMP


# --- never exceeded

rates = st.decimals(0, 100, places=4)
maybe_rates = st.none() | rates
all_rates = st.builds(Rates, **dict.fromkeys(Rates.__struct_fields__, maybe_rates))


@st.composite
def prices(draw: st.DrawFn) -> Flat:
    flat = draw(all_rates).flat("base", least_ms=draw(st.sampled_from([0, 10_000])))
    above = tuple((start, draw(all_rates).flat("above")) for start in sorted(draw(st.sets(st.integers(0, 3000), max_size=2))))
    tiers = {name: draw(all_rates).flat(name) for name in draw(st.sets(st.sampled_from(["priority", "flex"])))}
    if tiers and draw(st.booleans()):
        name = next(iter(tiers))
        tiers[name] = msgspec.structs.replace(tiers[name], above=((draw(st.integers(0, 3000)), draw(all_rates).flat("both")),))
    return msgspec.structs.replace(flat, above=above, tiers=tiers or None)


@st.composite
def asked(draw: st.DrawFn) -> Ask:
    count = st.integers(0, 3)
    return Ask(
        text_bytes=draw(st.integers(0, 2000)),
        turns=draw(count),
        tools=draw(st.booleans()),
        images=draw(count),
        sound_ms=draw(st.integers(0, 100_000)),
        film_ms=draw(st.integers(0, 10_000)),
        pages=draw(count),
        recalls=draw(st.booleans()),
        calls=draw(count),
        searches=draw(count),
        answers=draw(count),
        max_output=draw(st.none() | st.integers(1, 1000)),
        predicted_bytes=draw(st.integers(0, 100)),
        pictures=draw(count),
        characters=draw(st.integers(0, 1000)),
        tier=draw(st.sampled_from(["", "flex"])),
    )


@given(asked=asked(), flat=prices(), answer=st.integers(0, 1000), context=st.none() | st.integers(1, 3000))
def test_the_short_way_of_a_text_says_the_same(asked: Ask, flat: Flat, answer: int, context: int | None) -> None:
    none = {"images": 0, "sound_ms": 0, "film_ms": 0, "pages": 0, "calls": 0, "searches": 0, "recalls": False, "tier": ""}
    text = msgspec.structs.replace(asked, **none, predicted_bytes=0, pictures=0, characters=0, rankings=0)
    capacity, price = Capacity(context=context, per_byte=2), ceiling(flat)
    assert text.is_text
    assert module._bound(text, capacity, price, answer, 7) == module._bound_of_all(text, capacity, price, answer, 7)


def parts(draw: st.DrawFn, whole: int, number: int) -> list[int]:
    """Parts of a whole that need not be all of it."""
    found = []
    for _ in range(number):
        found.append(draw(st.integers(0, whole)))
        whole -= found[-1]
    return found


@settings(max_examples=150)
@given(data=st.data(), ask=asked(), flat=prices())
def test_no_answer_within_what_was_asked_costs_more(data: st.DataObject, ask: Ask, flat: Flat) -> None:
    draw = data.draw
    capacity = Capacity(context=4000, max_output=2000, image=300, sound_s=20, film_s=50, page=200, picture=500)
    found = bound(ask, capacity, ceiling(flat))
    assert found.cost is not None
    assert found.tokens is not None
    # What a provider may count: of everything as much as was asked for, of whatever kind.
    text = ask.text_bytes + 20 + 10 * ask.turns + (800 if ask.tools else 0)
    media = 300 * ask.images + ask.sound_ms * 20 // 1000 + ask.film_ms * 50 // 1000 + 200 * ask.pages  # type: ignore[operator]
    rounds = 1 + ask.calls + ask.searches  # type: ignore[operator]
    counted = 4000 * rounds if ask.recalls or rounds > 1 else min(4000, text + media)
    input = draw(st.integers(0, counted) | st.just(counted))
    allowed = ask.answers * (ask.max_output or 2000) + ask.predicted_bytes + 500 * ask.pictures
    output = draw(st.integers(0, allowed) | st.just(allowed))
    has_media = bool(media or ask.recalls)
    cached, written = parts(draw, input, 2)
    sound, image = parts(draw, input if has_media else 0, 2)
    spoken, drawn, thought = parts(draw, output, 3)
    usage = Usage(
        input=input,
        output=output,
        cached=cached,
        cache_write=written,
        cache_write_1h=draw(st.integers(0, written)),
        audio_input=sound,
        image_input=image,
        cached_audio=draw(st.integers(0, min(cached, sound))),
        audio_output=spoken,
        image_output=drawn,
        reasoning=thought,
        searches=draw(st.integers(0, ask.searches)),  # type: ignore[arg-type]
        service_tier=draw(st.sampled_from(["", "flex"] if ask.tier else ["", "flex", "priority"])),
        characters=draw(st.integers(0, ask.characters)),
        images=draw(st.integers(0, ask.pictures)),
        pages=ask.pages,  # type: ignore[arg-type]
        annotated_pages=draw(st.integers(0, ask.pages)),  # type: ignore[arg-type]
        audio_ms=draw(st.integers(0, ask.sound_ms)),  # type: ignore[arg-type]
    )
    assert cost(usage, flat) <= found.cost
    assert input + output <= found.tokens
