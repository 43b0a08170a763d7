"""Which language a text is in, as far as its small words tell, and what must not be answered from yesterday in any of them.

A text in none of the languages known here is in `OTHER`; one that says too little, or is in two at once, is `UNKNOWN`:
nothing of either is dropped or written otherwise.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from lockgate.policy.sameness.tongues.english import ENGLISH
from lockgate.policy.sameness.tongues.french import FRENCH
from lockgate.policy.sameness.tongues.german import GERMAN
from lockgate.policy.sameness.tongues.spanish import SPANISH
from lockgate.policy.sameness.tongues.tongue import Tongue
from lockgate.policy.sameness.words import in_order, words

OTHER = Tongue(
    code="?",
    # Small words of neighbours that share some with the four: Portuguese, Italian, Catalan, Dutch, Scandinavian, Polish.
    markers=words(
        """
        o os um uma não você como posso meu minha em são é que qual onde quando para uma dos das il gli che sono mio mia
        posso come cosa dove quando perché della del di per non è un het een ik mijn niet van hoe wat waar wanneer kan ik je
        voor met naar zijn dat jag det är och inte hur vad kan min mitt som på jeg er ikke hvordan hvad hva din jak co czy
        jest nie się mogę gdzie mój moje w z do ja el els amb puc meu meva quin quina no és
        """
    ),
    respelled={},
    frames={},
    farewells={},
    openings={},
    asking=frozenset(),
    whether=frozenset(),
    starters=frozenset(),
    inverting=frozenset(),
    setting=frozenset(),
    speaking=frozenset(),
    final={},
    turned=frozenset(),
    numbers={},
    scales={},
    ordinals={},
    months={},
    fleeting=ENGLISH.fleeting
    | (GERMAN.fleeting - {"nun", "gerade"})
    | (FRENCH.fleeting - {"hier"})
    | (SPANISH.fleeting - {"actual", "pronto"})
    | words(
        """
        hoje ontem amanhã agora atual atualmente último recente oggi ieri domani adesso ora attuale attualmente ultimo
        ultima recente vandaag gisteren nu huidige laatste nieuwste momenteel idag igår nu senaste aktuell imorgon i-dag
        i-går nyeste seneste nåværende dzisiaj dziś wczoraj jutro teraz obecnie aktualny najnowszy ostatni avui ahir demà
        ara сегодня вчера завтра сейчас теперь последний последние последняя последнее текущий текущая нынешний нынешняя
        недавно актуальный сьогодні вчора завтра зараз bugün dün yarın şimdi güncel اليوم الآن أمس غدا حاليا hôm nay bây giờ
        hari ini sekarang kemarin besok आज अभी कल σήμερα τώρα χθες αύριο היום עכשיו אתמול מחר
        """
    ),
    fleeting_pairs=ENGLISH.fleeting_pairs | GERMAN.fleeting_pairs | FRENCH.fleeting_pairs | SPANISH.fleeting_pairs,
)
UNKNOWN = msgspec.structs.replace(OTHER, code="")
KNOWN = (ENGLISH, GERMAN, FRENCH, SPANISH)
_ALL = (*KNOWN, OTHER)

#: Of scripts without spaces, what says that an answer does not keep; anywhere in the text.
FLEETING_UNSPACED = in_order(
    """
    今天 昨天 明天 现在 現在 目前 最新 最近 今日 昨日 明日 今年 去年 明年
    本周 上周 下周 本月 上个月 当前 當前 刚才 刚刚 几点 天气 天氣
    今週 先週 来週 今月 先月 来月 きょう きのう あした いま 今の 何時 天気
    오늘 어제 내일 지금 현재 최신 최근 날씨 วันนี้ เมื่อวาน พรุ่งนี้ ตอนนี้ ปัจจุบัน ล่าสุด ថ្ងៃនេះ ယနေ့
    """
)

#: What a word adds to the votes: a byte for each language, the unknown ones last.
_VOTES: dict[str, int] = {}
for _at, _tongue in enumerate(_ALL):
    for _marker in _tongue.markers:
        _VOTES[_marker] = _VOTES.get(_marker, 0) + (1 << 8 * _at)


#: Words that are asked for their language; a vote is a byte.
_LOOKED_AT = 200


def language_of(tokens: list[str]) -> Tongue:
    """The language that a text has most small words of; `UNKNOWN` if it has none, or as many of two."""
    total = 0
    for token in list(dict.fromkeys(tokens))[:_LOOKED_AT]:
        total += _VOTES.get(token, 0)
    votes = total.to_bytes(len(KNOWN) + 1, "little")
    most = max(votes)
    best = votes.index(most)
    if not most or votes.count(most) > 1:
        return UNKNOWN
    return _ALL[best]


def is_fleeting(tokens: list[str], tongue: Tongue) -> bool:
    """Whether the answer is likely to be another tomorrow."""
    return not tongue.fleeting.isdisjoint(tokens) or not tongue.fleeting_pairs.isdisjoint(pairwise(tokens))
