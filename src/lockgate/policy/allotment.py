"""What a machine may grant by itself: units that the counter of all machines has charged already, to be used within a moment.

A limit that several machines share has one cell, far away. There units are charged before anybody uses them, as if they were
used at the last moment at which they may be (`limits.lua`), so the bound holds for whatever is used before. What expires unused
is given back there. This is the arithmetic of the near end: a few numbers beside the machine's own cell of the limit.
"""

from __future__ import annotations

from lockgate.policy.gcra import Rate, Words

#: What is left and until when, the term of the far cell and how much there was to begin with; until when to deny how many units
#: without asking, and when there will be room; the far cell's debt, by whose clock, and since when by ours; when it was asked.
LEFT, UNTIL, TERM, SIZE, DENIED, DENIED_UNITS, ROOM_AT, DEBT, STAMP, SEEN, ASKED = range(11)
ALLOTMENT_WORDS = 11

#: How long after it was asked for what is needed may be used, in µs.
SOON_US = 50_000
#: How long what is more may be: this part of the time in which the burst drains, and no longer than so many µs. As much of a
#: burst is held back when a limit begins to be used.
_PART = 64
_LONGEST_US = 10_000_000
#: How long a denial is repeated without asking again, in µs, at most: what others give back is not seen meanwhile.
_DENIED_US = 100_000
#: An allotment is asked for this many times as large as what was used of the last one, or as what is asked for.
_GROWTH, _FIRST = 2, 4

#: Of a term: units that were charged, and how many of them were used.
Settlement = tuple[int, int, int]


def life_us(rate: Rate) -> int:
    """How long an allotment lasts."""
    return max(SOON_US, min(rate.drains_us(rate.cap) // _PART, _LONGEST_US))


def left(words: Words, at: int, now: int) -> int:
    """Units that may still be granted."""
    return words[at + LEFT] if now < words[at + UNTIL] else 0


def denies(words: Words, at: int, units: int, now: int) -> int:
    """After how many µs there will be room, where the far cell has just said that there is none for so many units; 0: ask."""
    if now < words[at + DENIED] and units >= words[at + DENIED_UNITS]:
        return max(1, words[at + ROOM_AT] - now)
    return 0


def deny(words: Words, at: int, units: int, wait_us: int, now: int) -> None:
    """The far cell has no room for so many units, and will have after that time."""
    words[at + DENIED] = now + min(wait_us, _DENIED_US)
    words[at + DENIED_UNITS] = units
    words[at + ROOM_AT] = now + wait_us


def more(words: Words, at: int, units: int) -> int:
    """How many units to ask for beside those that are needed."""
    return max(_FIRST * units, _GROWTH * (words[at + SIZE] - words[at + LEFT]))


def is_low(words: Words, at: int) -> bool:
    """Whether it is time to ask for more."""
    return 2 * words[at + LEFT] < words[at + SIZE]


def put(words: Words, at: int, units: int, term: int, until: int, now: int, settled: bool) -> Settlement | None:
    """Put units in, usable until then. What has to be given back of those before them, if anything."""
    old: Settlement | None = None
    if words[at + TERM] == term and now < words[at + UNTIL]:
        until = min(until, words[at + UNTIL])
        words[at + SIZE] += units
        words[at + LEFT] += units
    else:
        old = retire(words, at, settled)
        words[at + SIZE] = words[at + LEFT] = units
    words[at + TERM], words[at + UNTIL] = term, until
    return old


def retire(words: Words, at: int, settled: bool) -> Settlement | None:
    """Empty it; what is to be said of it. `settled`: each grant is settled for itself, so only what is left is told."""
    size, unused, term = words[at + SIZE], words[at + LEFT], words[at + TERM]
    words[at + SIZE] = words[at + LEFT] = 0
    if settled:
        return (term, unused, 0) if unused else None
    return (term, size, size - unused) if size else None


def restore(words: Words, at: int, units: int, term: int, until: int, now: int) -> bool:
    """Put back what a grant has not used. False: the allotment that it came from is over."""
    if now >= until or words[at + UNTIL] != until or words[at + TERM] != term:
        return False
    words[at + LEFT] += units
    return True


def see(words: Words, at: int, debt: int, stamp: int, now: int) -> None:
    """Remember what the far cell owes, should it be lost there."""
    words[at + DEBT], words[at + STAMP], words[at + SEEN] = debt, stamp, now


def room(words: Words, at: int, rate: Rate, now: int) -> tuple[int, int]:
    """How many units are left as far as is known here, and after how long all are there again."""
    owed = max(0, words[at + DEBT] - (now - words[at + SEEN]) * rate.ticks)
    return min(rate.room(0), rate.room(owed) + left(words, at, now)), rate.drains_us(owed)
