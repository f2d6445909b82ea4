"""`dialplan show` as real Asterisk prints it, and what is looked up in it."""

from __future__ import annotations

import pytest

from pjsipdiag.asterisk.dialplan.find import Presence, find
from pjsipdiag.asterisk.live.dialplan import context_item, contexts, dialplan, pickup
from pjsipdiag.asterisk.live.snapshot import Item, LiveAnswers
from pjsipdiag.asterisk.releases import release

ANSWERS = {
    "from-internal": """[ Context 'from-internal' created by 'pbx_config' ]
  '100' =>          hint: PJSIP/100                               [extensions.conf:3]
                    1. NoOp(it's ' => 9. nothing)                 [extensions.conf:4]
     [later]        2. Hangup()                                   [extensions.conf:5]
  '200' (CID match '555') =>  1. Hangup()                         [extensions.conf:6]
  '300' =>          2. Hangup()                                   [extensions.conf:7]
  '_9X.' =>         1. Hangup()                                   [extensions.conf:8]
  Include =>        'from-shared'                                 [pbx_config]
  Include =>        'by-day,9:00-17:00,mon-fri,*,*'               [pbx_config]
  Ignore pattern => '9'                                           [pbx_config]

-= 4 extensions (5 priorities) in 1 context. =-
""",
    "from-shared": """[ Context 'from-shared' created by 'pbx_config' ]
  '400' =>          1. Hangup()                                   [extensions.conf:12]
""",
    "by-day": """[ Context 'by-day' created by 'pbx_config' ]
  '500' =>          1. Hangup()                                   [extensions.conf:14]
""",
    "switched": """[ Context 'switched' created by 'pbx_config' ]
  '1' =>            1. Hangup()                                   [extensions.conf:16]
  Alt. Switch =>    'Realtime/switched@extensions'                [pbx_config]
""",
    "gone": "There is no existence of 'gone' context\nCommand 'dialplan show gone' failed.\n",
}


def ask(name: str) -> Item | None:
    return context_item(name, ANSWERS.get(name, "No such command\n"))


@pytest.mark.parametrize(
    ("context", "number", "caller", "presence"),
    [
        ("from-internal", "100", "1", Presence.FOUND),
        ("from-internal", "200", "555", Presence.FOUND),
        ("from-internal", "200", "556", Presence.MISSING),
        ("from-internal", "300", "1", Presence.MISSING),
        ("from-internal", "400", "1", Presence.FOUND),
        ("from-internal", "500", "1", Presence.UNKNOWN),
        ("from-internal", "911", "1", Presence.FOUND),
        ("from-shared", "300", "1", Presence.MISSING),
        ("from-shared", "40", "1", Presence.INCOMPLETE),
        ("switched", "1", "1", Presence.FOUND),
        ("switched", "2", "1", Presence.UNKNOWN),
        ("gone", "1", "1", Presence.MISSING),
        ("refused", "1", "1", Presence.UNKNOWN),
    ],
)
def test_a_number_is_found_as_the_answers_have_it(context: str, number: str, caller: str, presence: Presence) -> None:
    names = ["from-internal", "switched", "gone", "refused"]
    items = (*contexts(ask, names), *(Item("endpoint", name, (("context", name),)) for name in ("refused", "gone")))
    made = dialplan(LiveAnswers("", "22.10.1", items=items), release("22.10.1"), ())
    assert made is not None
    assert find(made, context, number, caller).presence is presence


def test_the_number_that_picks_up_is_the_current_one() -> None:
    text = "Builtin Feature           Default Current\n---------------\nPickup                    *8      *9     \n"
    found = pickup(text)
    assert found is not None
    assert found.first("pickupexten") == "*9"
    made = dialplan(LiveAnswers("", "22.10.1", items=(*contexts(ask, ["gone"]), found)), release("22.10.1"), ())
    assert made is not None
    assert find(made, "gone", "*9").presence is Presence.FOUND


def test_what_was_not_asked_for_is_no_dialplan() -> None:
    assert dialplan(LiveAnswers("", "22.10.1"), release("22.10.1"), ()) is None
