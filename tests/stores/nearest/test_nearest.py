"""stores/nearest: partitions are read when they are asked for, seen anew, and leave when there is no room."""

import asyncio

import numpy as np
import pytest

from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import Wording, Wordings
from lockgate.stores.embedding.ports import NoEmbedder
from lockgate.stores.nearest import beside
from lockgate.stores.nearest.index import packed
from lockgate.stores.nearest.nearest import Nearest
from lockgate.stores.nearest.partition import Partition
from support.answers import LATER, NOW, answer


class Letters:
    """Vectors that say how often each letter comes."""

    name, width = "letters", 64

    def embed(self, texts):
        found = []
        for text in texts:
            row = np.zeros(64, np.float32)
            for letter in text.encode():
                row[letter % 64] += 1
            found.append((row / max(np.linalg.norm(row), 1e-9)).astype("<f4").tobytes())
        return found


class Counted(MemoryCache):
    """Knows which partitions were read, and from which mark on."""

    def __init__(self):
        super().__init__(1 << 30)
        self.read, self.purges, self.blocked = [], 0, None

    async def wordings(self, partition, after, most, now_us):
        self.read.append((partition, after))
        if self.blocked is not None:
            await self.blocked.wait()
        page = await super().wordings(partition, after, most, now_us)
        return Wordings(page.found, page.mark, self.purges)


class World:
    def __init__(self, **more):
        self.store, self.now, self.said = Counted(), 0.0, []
        self.made = {"report": self.said.append, "clock": lambda: self.now, **more}
        self.index = Nearest(self.store, Letters, **self.made)

    async def keep(self, partition, words, number=1, index=None, **more):
        index = index or self.index
        key = f"{partition} {words}".encode()
        index.keep(key, answer(number, **more), partition, words, await index.vector(words))
        return key

    async def near(self, partition, words, now_us=NOW):
        found = await self.index.near(partition, await self.index.vector(words), now_us)
        return [each.entry.words for each in found]


def scene(play):
    def test():
        asyncio.run(play())

    test.__name__ = play.__name__
    return test


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    monkeypatch.setattr(beside, "PATIENCE_S", 30.0)


@scene
async def test_partitions_never_meet():
    world = World()
    await world.keep(b"one", "abc")
    assert await world.near(b"other", "abc") == []
    assert await world.near(b"one", "abc") == ["abc"]


@scene
async def test_what_others_keep_is_seen_after_a_second_and_read_once():
    world = World()
    await world.keep(b"p", "abc")
    assert await world.near(b"p", "abc") == ["abc"]
    await world.keep(b"p", "abd", index=Nearest(world.store, Letters, **world.made))
    assert await world.near(b"p", "abc") == ["abc"]
    world.now = 1.5
    world.store.read.clear()
    assert await world.near(b"p", "abc") == ["abc", "abd"]
    assert world.store.read[0] == (b"p", 1), "from where it had come to"


def test_who_asks_does_not_wait_for_what_is_slow_and_two_who_ask_read_once(monkeypatch):
    async def play():
        world = World()
        await world.keep(b"p", "abc")
        monkeypatch.setattr(beside, "PATIENCE_S", 0.001)
        world.store.blocked = asyncio.Event()
        assert await world.near(b"p", "abc") == []
        assert await world.near(b"p", "abc") == []
        assert len(world.store.read) == 1
        world.store.blocked.set()
        await asyncio.gather(*world.index._beside.under_way.values())
        assert await world.near(b"p", "abc") == ["abc"]

    asyncio.run(play())


@scene
async def test_after_a_purge_all_is_read_anew():
    world = World()
    key = await world.keep(b"p", "abc")
    await world.keep(b"p", "abd")
    assert await world.near(b"p", "abc") == ["abc", "abd"]
    world.store.drop(key)
    world.store.purges += 2
    world.now = 1.5
    assert await world.near(b"p", "abc") == ["abd"]


@scene
async def test_what_has_expired_is_not_near_and_is_let_go():
    world = World()
    await world.keep(b"p", "abc", expires_us=NOW + 10)
    assert await world.near(b"p", "abc", NOW + 9) == ["abc"]
    assert await world.near(b"p", "abc", NOW + 10) == []
    assert len(world.index._partitions[b"p"]) == 0


@scene
async def test_of_two_with_one_key_the_later_one_counts():
    world = World()
    await world.near(b"p", "abc")
    await world.keep(b"p", "abc", 1, expires_us=NOW + 10)
    await world.keep(b"p", "abc", 2)
    (found,) = await world.index.near(b"p", await world.index.vector("abc"), NOW + 20)
    assert (found.entry.id, found.entry.expires_us) == ("id-2", LATER)


@scene
async def test_partitions_that_were_not_used_longest_leave_and_come_back():
    world = World(most_bytes=3 * 6000)
    for name in (b"1", b"2", b"3"):
        await world.near(name, "abc")
        await world.keep(name, "abc")
    await world.near(b"1", "abc")
    await world.near(b"4", "abc")
    assert list(world.index._partitions) == [b"3", b"1", b"4"]
    assert world.index._size == sum(each.size for each in world.index._partitions.values())
    assert await world.near(b"2", "abc") == ["abc"]


def test_a_partition_that_is_full_gives_up_its_oldest():
    embedder, partition = Letters(), Partition(64, 4096 + 10 * 620)
    for n in range(25):
        words = chr(65 + n) * 3
        partition.put(_wording(words, embedder))
    kept = {entry.words for entry in partition._entries if entry is not None}
    assert kept == {chr(65 + n) * 3 for n in range(25 - len(kept), 25)}
    assert 5 < len(kept) < 12
    assert partition.size <= 4096 + 10 * 620
    assert [partition.entry(row).words for row, _ in partition.near(embedder.embed(["YYY"])[0], 1, 0.9)] == ["YYY"]


def _wording(words, embedder):
    return Wording(b"p", words.encode(), "id", LATER, words, packed(embedder.embed([words])[0]))


@scene
async def test_without_an_embedder_nothing_is_near_and_it_is_told_once():
    def none():
        raise NoEmbedder("the weights cannot be read")

    world = World()
    world.index = Nearest(world.store, none, **world.made)
    assert [await world.index.vector("abc") for _ in range(3)] == [None, None, None]
    assert await world.index.cosine("abc", "abd") is None
    assert world.index.name == ""
    assert len(world.said) == 1


@scene
async def test_long_texts_have_vectors_too():
    world = World()
    assert await world.index.vector("abc" * 1000) == Letters().embed(["abc" * 1000])[0]
    assert await world.index.cosine("abc", "cab") == pytest.approx(1.0)


@scene
async def test_a_vector_of_another_length_is_passed_over():
    """It was damaged where it was kept, by whomever."""
    world = World()
    await world.keep(b"p", "abc")
    world.store.keep(b"bad", answer(2), Wording(b"p", b"bad", "id-2", LATER, "abcd", b"\0\x01"))
    await world.keep(b"p", "abd", 3)
    assert sorted(await world.near(b"p", "abc")) == ["abc", "abd"]
