"""The parameters of each call. Names are the vendor's, in their case; unknown ones are ignored (contract 3.2)."""

from __future__ import annotations

from gateway.dialects.brevisone.uncertain import LONGEST_PATTERN
from gateway.web.fields import LooseSchema, Text

LONGEST_TEXT = 200_000
LONGEST_TO = 2_000_000


class Send(LooseSchema):
    """``/api.php``."""

    username = Text(required=True, metadata={"description": "A user with the permission `brevisone:send`."})
    password = Text(required=True, metadata={"description": "The user's password."})
    text = Text(
        required=True, longest=LONGEST_TEXT, metadata={"description": "The message in UTF-8 or Windows-1252, or its bytes in hex digits."}
    )
    to = Text(
        required=True,
        longest=LONGEST_TO,
        metadata={"description": "A number, or several with `,` or `;` between them; in other modes the id or name of a contact or group."},
    )
    mode = Text(
        load_default="",
        metadata={"description": "`number` (also for any other word), `user`, `group`, `telnumber`, `teluser` or `telgroup`."},
    )
    hexmode = Text(load_default="", metadata={"description": "`true`: the text is in hex digits."})
    telauto = Text(load_default="", metadata={"description": "`false`: no SMS where Telegram fails; refused where there is no Telegram."})
    list = Text(load_default="", metadata={"description": "`white` or `black`: keep or drop the recipients that `regex` matches."})
    regex = Text(
        load_default="",
        longest=LONGEST_PATTERN + 2,
        metadata={"description": "A pattern of RE2, searched for in each way to write a number."},
    )
    ring = Text(load_default=None, metadata={"description": "A call instead of a text. There is no voice here: refused when present."})
    flash = Text(load_default=None, metadata={"description": "When present, and not `false`, `0`, `no` or `off`: shown at once, not kept."})


class Check(LooseSchema):
    """``/check.php`` (contract 6)."""

    option = Text(load_default="", metadata={"description": "One figure alone, by its name. Without it: all."})


class MessageState(LooseSchema):
    """``/state.php`` (contract 7)."""

    uid = Text(load_default="", metadata={"description": "What `X-Message-Id` said."})
