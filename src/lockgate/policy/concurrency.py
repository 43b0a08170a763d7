"""The arithmetic of a limit on what runs at the same time: places are lent for a while, and come back by themselves.

Places that end at about the same time are counted together, in a ring of few numbers, so that counting costs the same for ten
and for ten thousand. Who dies gives nothing back; its places do, when their time is over. Who runs longer renews in time.
"""

from __future__ import annotations

from lockgate.policy.gcra import SKEW_US, Words

#: So many groups; a time to live is divided by two less, since it begins and ends within one.
_GROUPS = 8
#: Two numbers for each group: which it is, and its places.
RING_WORDS = 2 * _GROUPS


def width_us(ttl_us: int) -> int:
    """How much longer than its time to live a place may be held."""
    return -(-ttl_us // (_GROUPS - 2))


def running(words: Words, at: int, ttl_us: int, now: int) -> int:
    """Places that are lent now."""
    width = width_us(ttl_us)
    # A group that is further ahead than any can be is from before the clock was set back.
    oldest, newest = now // width, (now + ttl_us + SKEW_US) // width
    return sum(words[each + 1] for each in range(at, at + RING_WORDS, 2) if oldest <= words[each] <= newest)


def lend(words: Words, at: int, ttl_us: int, now: int) -> int:
    """Lend a place; the group to give it back to."""
    group = (now + ttl_us) // width_us(ttl_us)
    each = at + 2 * (group % _GROUPS)
    if words[each] != group:
        words[each + 1] = 0
        words[each] = group
    words[each + 1] += 1
    return group


def give_back(words: Words, at: int, group: int) -> bool:
    """Give a place back. False: its time was over."""
    each = at + 2 * (group % _GROUPS)
    if words[each] != group or not words[each + 1]:
        return False
    words[each + 1] -= 1
    return True
