"""The words of our own sentences: a name that is one of them is replaced in a text only where it stands in quotes.

Otherwise a section called `[a]` or `[to]` would take the words out of every sentence. They say nothing of anybody.
"""

from __future__ import annotations

import re

OWN_WORDS = frozenset(
    """
    a about accept access account accounts acknowledged acl add added address addresses adds admit after again
    against algorithm alike all allow allowed allows alone already also although always among an and anew
    anonymous another answer answered answers any anybody anything aor aors apart apply are as ask asked asks
    assumed asterisk at auth authentication authorization b backslash bad ban be because becomes been before
    begins behind being belong belongs below beside between beyond bind binds blank blanks block bold both bring
    broken build busy but by byte bytes cache call called caller callers calls came can cannot capture captures
    carries case category certificate certified challenge challenged challenges change changed changes character
    characters check checked closing code codec collation column come comes command comment compare compares
    compile compressed config configuration configuring connection connectivity contact contacts contains
    content context convenient copy core correct costs could count counts create credentials cut d damaged data
    database datagram date dates debug decide decided decides declined decrypted deep default define denied
    denies deny described destination diagnose dialplan dials did differ digest directive directory dissectors
    do docker does doesn domain doors down driver drop drops dump each ef effect either else elsewhere empty
    enabled encrypted end ended endpoint endpoints ends enter entry equal error escape etc event every everybody
    evidence example exceeds exception exceptions exclude exec execincludes exist existing exists exit expire
    expires explain expression extension extensions f failed family far file files filter find finds firewall
    first fit fits fix flow flows follow follows for format found fragment fragments frame from full fwconsole
    gateway gave generated get gets give given gives global go goes got greater green h hand handler hang
    happens has hash have header headers here hint history hold holds host hostname hosts id identification
    identified identifier identifiers identifies identify identity if in inbound include included includes
    incomplete input inside install instead interface interpret interval into invalid ip is it its itself judged
    keep keeps kept know known knows labels lacks last later lead least leave leaves left length less let lets
    letters lie lies like likely limit line lines link list listed listens lists load loaded loads local log
    logger logs long longer look looked looks lower m machine made main maintenance make makes many mapping maps
    mask match matched matches max maximum may means meant media memory message messages method middle minimum
    missing mode module modules more most must mysql mysqldump n name named names narrow native nearest need
    needs neither nest nested netmask network networks never new newest next no nobody nonce none nor not notes
    nothing now number object objects observed of off offer offers older oldest on once one ones only opaque
    open opened option options or order other others otherwise out outbound output outside over overlapping
    overwrites own p packet packetization packets page parameter parse parsed parsing part parts pass passed
    passes password patch pbx pcap pcapng permit pickupexten pjproject pjsip pjsipdiag place plain points port
    ports postgresql preference printed prints private probably probe probed process profile program protocol
    provider providers proxy put qop r raise ran random range reach reached reaches read readable reader reads
    realm realtime reason received record records red redact reference refusal refused refuses regex register
    registers registration registrations regular rejected rejects release releases reload reloaded remove
    replaced replaces replay replayed request requested requests required requires resolve resolved resolves
    response rest restart result right round routes row rows rule rules run running runs s same save say says
    scanner scanning schema screen seconds section see seen segment send sender sends sent sentence server
    session set settings several shared short shorter should show shown shows sign since sip sips size small
    snap sngrep so somebody something sorcery source sources specific specified spelt sqlite ss stand stands
    start started starts status stood strangers stream subscription such suggested suitable support supported
    switch syntax system t table take taken takes targets tcp tcpdump telephone telephones tell tells testcase
    testsuite text than that the their them themselves then there these they this those through ties time timer
    times tls to together token told too tool trace transport transports trunk trunks try tshark tunnels twice
    two type udp unable under unknown unless unmatched unread unrecognized until up update uptime uri use used
    user username usual v valid value verdict verdicts version via viewer w waits was way well went were what
    when where whether which while who whoever whole whom whose why will wins wireless wireshark with within
    without wizard work would write writes written wrong wrote x y year yellow yes you your z
    """.split()  # noqa: SIM905  (a list of 700 strings is no easier to read)
)


def is_own(text: str) -> bool:
    """Whether all words of a text are such, or short numbers."""
    return all(word in OWN_WORDS or (word.isdigit() and len(word) < 6) for word in re.findall(r"\w+", text.lower()))
