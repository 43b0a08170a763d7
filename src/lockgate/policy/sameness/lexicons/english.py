"""English."""

from __future__ import annotations

from lockgate.policy.sameness.lexicons.lexicon import Lexicon, groups, joined, opposites, synonyms
from lockgate.policy.sameness.tongues.english import ENGLISH as ENGLISH_TONGUE
from lockgate.policy.sameness.words import words

_SYNONYMS = synonyms(
    """
    remove delete erase | buy purchase order | start begin commence | end finish
    fix repair solve resolve troubleshoot | change modify update edit alter adjust
    make create build generate produce | big large huge | small little tiny | fast quick rapid speedy | ship deliver
    cost price fee charge rate pricing expense | allow permit let | help assist | show display view see
    photo picture image pic | movie film | car automobile | phone telephone | mobile cell cellphone
    error bug issue problem fault | job occupation profession | doctor physician | child kid | picture image
    store shop | cheap inexpensive affordable | expensive costly pricey | sick ill | smart clever intelligent
    answer reply response | choose select pick | find locate | explain describe
    different differ difference distinction distinguish | cause reason | effect impact consequence
    advantage benefit pro upside | disadvantage drawback con downside | way method step procedure process
    need require necessary requirement | contact reach | support service | cancel terminate | stop halt
    keep retain | repair mend | location address place | meaning definition mean define signify | purpose goal
    rule policy | author writer | country nation | company firm | salary wage | house home | bike bicycle
    garbage trash rubbish | couch sofa | vacation holiday | flat apartment | film movie | usual normal typical
    quiet silent | happy glad | sad unhappy | illegal unlawful | legal lawful | permitted allowed | arrive come
    receive get obtain | use utilize employ | website site webpage | login signin | password passcode
    subscription plan membership | purchase buy | symptom sign
    treat treatment cure | avoid prevent | important essential vital key | main major primary | several various
    near nearby close | old age aged | tall height high | far distance | long duration length | deep depth
    wide width | heavy weigh weight | number amount quantity count | population inhabitant
    recommend suggest advise | compare versus | invent inventor | kill slay | reverse invert | install setup
    run execute | print output | verify check confirm validate | safe safely | increase raise
    decrease reduce lower | calculate compute | convert conversion transform | translate translation
    summarize summary recap | birth born | locate location | die death dead | marry marriage
    win winner won | found founder establish | paint painter | discover discovery | lead leader | eat consume
    """,
    "en",
)

ENGLISH = Lexicon(
    small=words(
        """
        a the this that these those some any all every each both no not never none nobody nothing neither nor only just
        most more least less few fewer many much several enough other another own same such i me my mine myself you your
        yours yourself he him his himself she her hers herself it its itself we us our ours they them their theirs one
        ones someone somebody anyone anybody everyone everybody something anything everything who whom whose what which
        when where why how if whether than as because so then while until unless although though but and or is are am
        was were be been being do does did doing done have has had having can could should would will shall may might
        must ought need to of in on at by for from with without into onto out off up down over under about after before
        between through during above below against along among around toward towards within upon via per like versus
        there here also too very really actually simply exactly basically get got let else ever yet still already again
        possible able know knows knew remind remember think believe want would like going ok okay way good best idea work
        """
    )
    - words("good best work idea way possible able need"),
    articles=words("a the this that these those"),
    asking=groups(
        """
        what: what which whatever | when: when | where: where | why: why | who: who whom | whose: whose | how: how
        whether: whether if
        """
    ),
    modals=groups(
        """can: can could able possible may might allowed | should: should ought recommended | must: must need required
        will: will shall going | would: would | mind: know knows knew remind remember think believe
        past: did was were had been | now: do does is are am have has"""
    ),
    persons=groups(
        """
        1: i me myself | 2: you yourself | he: he him himself | she: she her herself | we: we us | they: they them
        it: it itself
        """
    ),
    owners=groups("1: my mine | 2: your yours | he: his | she: her hers | we: our ours | they: their theirs | it: its"),
    extents=groups(
        """
        all: all every each everyone everybody everything both | some: some someone somebody something
        only: only just solely | most: most | few: few fewer several | least: least | first: first
        other: other another else | any: any anyone anybody anything | last: last
        """
    ),
    calendar=words(
        """
        january february march april may june july august september october november december monday tuesday wednesday thursday
        friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays weekend weekday weekends weekdays
        spring summer autumn fall winter christmas easter morning afternoon evening night noon midnight
        """
    )
    - words("may march fall spring"),
    beginning=ENGLISH_TONGUE.asking | ENGLISH_TONGUE.inverting,
    speaking=(ENGLISH_TONGUE.speaking - words("mean means meaning call called sign polite"))
    | words("hello hi hey bye goodbye thanks please sorry"),
    negations=words(
        """
        not no never none nobody nothing neither nor without cannot nowhere hardly barely except lack lacks lacking
        exclude excluding
        """
    ),
    ways=words(
        "from to into onto than before after over under above below minus divided against until since by between toward"
    ),
    joined=joined(
        """
        must: have to | search: look for, looking for | enable: turn on, switch on | disable: turn off, switch off
        login: log in, sign in, log into, sign into, logging in, signing in | logout: log out, sign out, log off
        register: sign up, create account | install: set up | remove: get rid | find: look up
        continue: carry on, go on | meet: get together | contact: reach out, touch with
        return: send back, give back | age: how old | height: how tall, how high | distance: how far
        duration: how long | price: how expensive | depth: how deep | width: how wide | weight: how heavy
        frequency: how often | population: many people | big: how big, how large
        """
    ),
    plain=groups(
        """
        write: wrote written writing | buy: bought | sell: sold | make: made making | take: took taken
        give: gave given | go: went gone goes | find: finding | get: got gotten getting | pay: paid | send: sent
        lose: lost losing | win: won winning | begin: began begun | speak: spoke spoken | eat: ate eaten
        drink: drank drunk | drive: drove driven | fly: flew flown | grow: grew grown | know: knew known | see: saw seen
        think: thought | bring: brought | build: built | catch: caught | teach: taught | tell: told | say: said
        run: ran running | sing: sang sung | swim: swam swum swimming | break: broke broken | choose: chose chosen
        fall: fell fallen | feel: felt | keep: kept | leave: left leaving | mean: meant | meet: met | read: reading
        sleep: slept | spend: spent | steal: stole stolen | wear: wore worn | die: died dying dies | lie: lay lain
        become: became | forget: forgot forgotten | heal: heals | child: children | person: people persons | man: men
        woman: women | mouse: mice | foot: feet | tooth: teeth | wife: wives | life: lives | good: better | bad: worse
        cheap: cheapest cheaper | use: using used uses | do: done | stop: stopped stopping | set: setting
        plan: planned planning | ship: shipped shipping shipment | change: changing changed changes
        cancel: cancelation canceling cancellation | deliver: delivery | arrive: arrival | pay: payment payments
        refuse: refusal | allow: allowance | hot: hotter hottest
        """
    ),
    synonyms=_SYNONYMS,
    opposites=opposites(
        """
        on / off | from / to into | since / until | in / out | up / down | open opened / close closed shut
        enable activate / disable deactivate | start begin / stop end finish
        increase raise grow gain / decrease reduce lower lose shrink
        accept approve allow permit / reject decline deny refuse forbid ban prohibit block | before / after
        above / below | over / under | more / less fewer | most / least
        maximum max highest largest biggest longest / minimum min lowest smallest shortest slowest worst least
        tallest fastest best newest oldest most / minimum min lowest smallest shortest slowest worst least
        maximum upper / minimum lower | newest youngest latest / oldest earliest | big large / small little
        high tall / low short | long / short | fast quick / slow | hot warm / cold cool | hard difficult / easy simple
        hard / soft | good / bad | advantage benefit pro / disadvantage drawback con risk downside
        love like / hate dislike | buy / sell | borrow / lend | import / export | upload / download | push / pull
        send / receive get | add insert attach include / remove delete detach exclude subtract | install / uninstall
        subscribe / unsubscribe | login / logout | lock / unlock | encrypt encode / decrypt decode
        compress zip / decompress unzip extract | connect / disconnect | upgrade / downgrade | legal / illegal
        safe / unsafe dangerous | true / false | right correct / wrong incorrect | left / right | east / west
        north / south | first / last | early / late | always / never | all every / none some | pass / fail | win / lose
        success succeed / failure fail | alive live / dead die
        male man boy husband father son / female woman girl wife mother daughter sister aunt queen she
        brother uncle king he / female woman girl wife mother daughter sister aunt queen she
        young new / old | rich / poor | hire / fire | credit / debit | income revenue profit / expense loss cost
        debt / asset | positive / negative | public / private | front / back | top / bottom
        inside indoor internal / outside outdoor external | input / output | read / write | client / server
        hide / show unhide | expand / collapse | cause / prevent treat cure | eat / avoid | same / different
        present / absent past future | domestic local / international foreign | employer / employee | landlord / tenant
        teacher / student | parent / child | seller vendor / buyer customer | lender / borrower
        arrive arrival / depart departure leave | enter / exit leave | ascending / descending | horizontal / vertical
        row / column | odd / even | day / night | morning / evening night | monthly / yearly annual weekly daily hourly
        weekly / daily | single / married multiple | free / paid | full / empty part-time | wet / dry
        light / dark heavy | strong / weak | sweet / sour bitter | raw / cooked | gross / net | fixed / variable
        simple / compound | temporary / permanent | required mandatory / optional | for / against | with / without
        mount / unmount | commit / rollback | create make / destroy delete drop | save / discard spend
        deposit / withdraw | heat / cool | wake / sleep | renew extend / cancel terminate | refund / charge
        forget / remember | encourage / discourage | majority / minority | vegetarian / vegan
        gasoline petrol gas / diesel electric | username email / password
        """,
        "en",
        _SYNONYMS,
    ),
)
