"""Words whose capital tells: "clean windows" and "clean Windows" are two questions, "in france" and "in France" are one.

Within a sentence such a word keeps its capitals. Everybody drops capitals in haste, so all other words lose theirs; what
stands here costs a hit now and then, what is missing here costs a wrong answer. German has its own, for its capitals are
grammar.
"""

from __future__ import annotations

from lockgate.policy.sameness.words import words

_ENGLISH = """
will may march august april june dawn hope faith grace joy rose lily daisy ivy iris jasmine violet ruby pearl amber jade
mark bill bob rob jack nick pat frank drew chase chuck dean earl gene guy herb jay josh lance miles norm pierce ray rich rod
sky sue victor wade ward warren young brown black white green gray grey king queen prince knight bishop pope baker cook
smith mason miller taylor turner walker fisher hunter carter cooper fox wolf bear lamb swift drake price love turkey china
japan chile jersey polish nice reading bath cork lima panama guinea georgia jordan chad mali niger congo cuba orange cologne
essen kiwi swede dutch finn thai welsh scotch swiss dane lent job mass bible god lord earth moon mercury mars venus saturn
sun state states union congress senate house labour labor liberal conservative democrat republican apple amazon oracle meta
alphabet target gap visa shell chrome safari edge windows window word excel access teams team office outlook publisher
project planner sway bing surface switch square stripe slack zoom signal discord notion linear monday asana box dash indeed
uber lime bird bolt lift dish sprint boost mint spirit frontier united delta southwest virgin alliance progressive
caterpillar deere fidelity vanguard discover ally citizens capital key best cash venmo wise dove tide gain crest bounty puff
cascade subway wendy arbys chili chipotle python java rust go dart julia crystal scratch basic pascal ada perl elixir
haskell closure clojure spark flink storm hive pig kafka beam flask django spring play rails react angular vue svelte ember
backbone next node deno bun express nest gin echo fiber rocket actix docker helm puppet chef salt nomad consul vault
terraform pulumi ansible jenkins travis circle bamboo git hub lab bit bucket jira trello confluence azure unity unreal
blender maya cinema premiere photoshop illustrator sketch figma framer canvas acrobat reader flash air lightroom bridge
animate audition dreamweaver fireworks numbers pages keynote mail messages photos music tv books podcasts calendar reminders
notes contacts maps stocks home find news health wallet shortcuts files clock compass measure steam origin epic battle
league legends apex fortress portal half life doom quake halo gears destiny control inside set map list string object number
array date promise symbol boolean integer double long short float char byte bytes error exception function class type option
result some none true false null nil self this super void any unknown never tuple dict optional literal final generic
protocol callable iterable iterator generator sequence mapping counter queue stack heap path process thread lock event
condition future task timer stream buffer record struct enum interface trait module package lean yellow red blue gold silver
bronze platinum titanium pro plus max mini ultra standard premium enterprise business personal family student free starter
growth scale prime fire alexa ring kindle west east north south western eastern northern southern central pacific atlantic
boxing easter christmas memorial lie die hat war arm art bad tag rat gift boot wand kind brief rock fast hell
"""
_GERMAN = """
sie ihr ihre ihnen ihrem ihren ihrer ihres du dein er es
arm weg essen liebe lieber morgen gut recht wagen reise reisen dichter spinnen fliegen kosten macht leben regen sucht würde
schweigen lachen laufen warm alte alten rot grün laut trotz dank kraft statt zeit mal paar bisschen ernst klug fest feste
ehe rum stehen bar weise reif rechte rechten linke linken seine ganze ganzen größe wüste mähne mühe sägen segen steuern
nutzen wissen können dürfen sollen müssen wollen hoffen handeln vertrauen verfahren verhalten versprechen verbrechen vermögen
"""

#: Telling only where all of it is in capitals: "the US", "ask IT".
_ACRONYMS = words(
    "us it who aids can or in me hi and not am pm ok no so to do he she at as is be we up if pa ma la de al id oh va co"
)
#: Their capitals are seldom wrong and often dropped, and hardly a question turns on them.
_FORGIVEN = "python java django docker react angular vue kafka jira trello excel japan git sketch"
_IN_GERMAN = words(_GERMAN)
_ELSEWHERE = words(_ENGLISH) - words(_FORGIVEN)

#: Lower-case words whose capitals are kept until the language is known.
_TELLING = _ELSEWHERE | _IN_GERMAN


def may_tell(word: str, lower: str) -> bool:
    """Whether the capitals of a word may tell, in some language."""
    return lower in _TELLING or (lower in _ACRONYMS and word.isupper())


def tells(word: str, language: str) -> bool:
    """Whether the capitals of a word tell in a language, by its code."""
    lower = word.lower()
    return lower in (_IN_GERMAN if language == "de" else _ELSEWHERE) or (lower in _ACRONYMS and word.isupper())
