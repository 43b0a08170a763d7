"""English."""

from __future__ import annotations

from lockgate.policy.sameness.tongues.tongue import (
    Tongue,
    by_first,
    farewells,
    frames,
    numbered,
    openings,
    pairs,
    respelled,
    turned,
)
from lockgate.policy.sameness.words import in_order, words

_CONTRACTED = {
    f"{verb}{ending}": (verb, "not")
    for verb in in_order("do does did is are was were has have had could would should must might need")
    for ending in ("n't", *(("nt",) if verb not in ("are", "were", "have", "had", "must", "might", "need") else ()))
}
_BEING = {f"{word}'s": (word, "is") for word in in_order("what where who how when why that it he she there here which")}
_BARE = {f"{word}s": (word, "is") for word in in_order("what where how that")}
_FULL = {
    f"{word}'{short}": (word, verb)
    for word in in_order("i you we they he she it that there what who")
    for short, verb in (("re", "are"), ("ve", "have"), ("ll", "will"))
}

ENGLISH = Tongue(
    code="en",
    markers=words(
        """
        a the is are was were what how do does did can could should would my your our their of to and you i it this that these
        those when where which who why for with from not or if be been has have had will at by its an me please on there any
        about into than get need want explain translate summarize convert compare write list give show me between january
        february june july october december what's how's i'm don't can't
        """
    ),
    respelled=_CONTRACTED
    | _BEING
    | _BARE
    | _FULL
    | respelled(
        """
            can't: can not | cant: can not | cannot: can not | won't: will not | shan't: shall not | ain't: is not
            i'm: i am | im: i am | i'd: i would | let's: let us | ive: i have | youre: you are | aren't: are not
            y'all: you | an: a | u: you | ur: your | pls: please | plz: please | thx: thanks | ty: thanks | tks: thanks
            colour: color | colours: colors | favourite: favorite | favourites: favorites | behaviour: behavior
            centre: center | grey: gray | cancelled: canceled | cancelling: canceling | travelling: traveling
            organise: organize | organisation: organization | recognise: recognize | summarise: summarize
            optimise: optimize | customise: customize | authorise: authorize | analyse: analyze | kilometre: kilometer
            kilometres: kilometers | metre: meter | metres: meters | litre: liter | litres: liters | catalogue: catalog
            licence: license | defence: defense | programme: program | labelled: labeled | email: email | e-mail: email
            e-mails: emails | wi-fi: wifi | on-line: online | web-site: website | log-in: login | sign-up: signup | okay: ok
            percent: ~% | per-cent: ~% | tv: tv | telly: tv | vs: versus | v: v | alright: ok | thru: through | til: until
            till: until
            """
    ),
    frames=frames(
        by_first(
            """
                hi | hello | hey | hiya | greetings | good morning | good afternoon | good evening | good day | howdy
                hi there | hello there | hey there | hi all | hi everyone | hello everyone | hi team | hello team | hi guys
                hey guys | dear team | dear support | dear support team | dear sir or madam | dear sir | hi support
                hello support | quick question | a quick question | one quick question | question | just a quick question
                i have a question | i have a quick question | i had a question | one question | so | ok | ok so | well | um
                uh | hmm | umm | sorry | excuse me | pardon | just wondering | just curious | i am just wondering
                out of curiosity
                """,
            "pause",
        ),
        by_first(
            """
                tell me | please tell me | let me know | please let me know | can you tell me | could you tell me
                would you tell me | will you tell me | can you please tell me | could you please tell me
                would you please tell me | can you let me know | could you let me know | could you please let me know
                can you please let me know | can anyone tell me | can someone tell me | could someone tell me | do you know
                do you happen to know | does anyone know | does anybody know | any idea | i want to know
                i would like to know | i need to know | i was wondering | i am wondering | wondering | i wonder
                i am curious | i am curious about | i want to ask | i wanted to ask | i wanted to know | i would like to ask
                may i ask | can i ask | could i ask | can i ask you | could you explain | can you explain | please explain
                can you please explain | could you please explain | explain | explain to me | can you show me
                could you show me | show me | please show me | can you please show me | could you please show me | teach me
                can you help me understand | help me understand | could you help me understand | could you remind me
                i am trying to find out | i am trying to figure out
                i am trying to understand | i do not know | i am not sure | would you mind telling me
                """,
            "ask",
        ),
        by_first(
            """
                please | kindly | can you please | could you please | would you please | will you please | could you kindly
                can you kindly | i would like you to | i want you to | i need you to
                """,
            "more",
        ),
        by_first(
            "can you explain | could you explain | would you explain | can you help me | could you help me | would you help me",
            "keep",
        ),
        by_first(
            """
                can you recommend | could you recommend | can you suggest | could you suggest | can you summarize
                could you summarize
                """,
            "keep",
        ),
        by_first("can you give me | could you give me | can you tell me about | could you tell me about", "keep"),
    ),
    farewells=farewells(
        """
            please | thanks | thank you | cheers | many thanks | thanks a lot | thanks a bunch | thanks a million
            thanks in advance | thank you in advance | many thanks in advance | thanks so much | thank you so much
            thank you very much | thanks very much | thanks again | thanks for your help | thank you for your help
            thanks for the help | thanks for any help | if you do not mind | if that is ok | much appreciated
            i appreciate it | appreciate it | thanks everyone | thanks all | thanks guys | thank you kindly
            """
    ),
    openings=openings(
        (
            """how do i | how can i | how could i | how would i | how to | how might i | how does one | how can one
            what is the way to | what are the steps to""",
            "look feel sound seem compare rank do be have get help know make it forget lose fail refuse say resist",
            "how to",
        ),
        ("how do you say | how do i say | how do you say | how can i say | how to say", "", "how to say"),
        ("where do i find | where can i find | where could i find | where to find", "", "where can i find"),
        ("where do i get | where can i get | where could i get | where to get", "", "where can i get"),
        ("i would like to | i want to | i wanna | i would love to", "", "i want to"),
        ("i would like a | i want a", "", "i want a"),
        ("i would like my | i want my", "", "i want my"),
        ("explain to me | explain me", "", "explain"),
        ("give me a list of | list out | make a list of | provide a list of | give a list of", "", "list"),
        ("write me a", "letter", "write a"),
    ),
    asking=words("what where who whom whose when why which how"),
    whether=frozenset(("if", "whether")),
    starters=words(
        """
        what where who when why which how can could would should do does did i my please is are am will may we tell explain
        """
    ),
    inverting=words(
        """
        can could would should do does did is are am was were has have had must shall
        """
    ),
    setting=words("in on for with using at"),
    speaking=words(
        """
        say saying said word words spell spelling write written mean means meaning translate translation pronounce
        pronunciation phrase rhyme rhymes synonym synonyms antonym sentence sign song lyrics reply respond called polite
        etymology hello hi bye
        """
    ),
    final={
        "is": ("is",),
        "are": ("are",),
        "was": ("was",),
        "were": ("were",),
        "works": ("does", "work"),
        "means": ("does", "mean"),
        "costs": ("does", "cost"),
        "does": ("does", "do"),
        "mean": ("do", "mean"),
        "work": ("do", "work"),
    },
    turned=turned("i you we they", "can could should would will may must am are have was were"),
    numbers=numbered(
        """
            zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
            eighteen nineteen twenty
            """,
    )
    | numbered("thirty forty/fourty fifty sixty seventy eighty ninety", 30, 10),
    scales={"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9},
    ordinals=numbered("first", 1) | numbered("third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", 3),
    months=numbered(
        """
            january/jan february/feb march/mar april/apr may june/jun july/jul august/aug september/sep/sept october/oct
            november/nov december/dec
            """,
        1,
    ),
    fleeting=words(
        """
        today tonight tomorrow yesterday now nowadays currently current latest newest recent recently lately ago today's
        yesterday's tomorrow's tonight's up-to-date as-of upcoming ongoing presently weather forecast news trending breaking
        2day tmrw tomorow tommorow
        """
    ),
    fleeting_pairs=pairs(
        "this last next past previous coming",
        """
            week month year morning afternoon evening night weekend quarter season semester summer winter spring autumn fall
            monday tuesday wednesday
            """
        "thursday friday saturday sunday century decade hour minute",
    )
    | pairs("this", "moment time instant")
    | pairs("these", "days")
    | pairs("so", "far")
    | pairs("right at", "present moment")
    | pairs("time day date", "is")
    | pairs("stock share exchange", "price prices rate rates")
    | pairs("how", "late"),
    asker="do",
    subjects=words("i you we they he she it"),
)
