"""Words by which people say that they want no more messages, want them again, or want to know who writes.

The whole message must be the word: "stop by tomorrow" is no opt-out. Case, accents, blanks and punctuation around it do not count.
Everyday words that also answer a question ("yes", "no", "fine") are left out on purpose.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping


class Keyword(enum.StrEnum):
    """What a message of one word means."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


WORDS: Mapping[Keyword, tuple[str, ...]] = {
    Keyword.STOP: (
        "stop", "stop all", "stopall", "stop sms", "stopsms", "unsubscribe", "opt out", "opt-out", "optout", "cancel", "end", "quit",
        "revoke", "basta", "cancella", "cancellami", "disiscrivi", "disiscrivimi", "arret", "arreter", "desabonner", "desinscrire",
        "desinscription", "stopp", "abmelden", "abbestellen", "beenden", "baja", "alto", "parar", "cancelar", "detener",
    ),
    Keyword.START: (
        "start", "unstop", "subscribe", "opt in", "opt-in", "optin", "inizia", "inizio", "iscrivi", "iscrivimi", "riprendi", "debut",
        "commencer", "reprendre", "abonner", "starten", "anmelden", "alta", "iniciar", "inicio", "comenzar", "reanudar",
    ),
    Keyword.HELP: ("help", "info", "aiuto", "aide", "contact", "hilfe", "kontakt", "ayuda", "contacto"),
}  # fmt: skip
"""English, Italian, French, German, Spanish; without accents, in lower case. CONTACT is what French senders must answer."""

REPLY_DIALECT = "keyword"
"""The dialect of orders that answer a keyword. Opt-outs do not hold them back: the answer to STOP says that it was understood."""
LONGEST = 40
"""Characters of a message that may still be a keyword with something around it."""
_AROUND = " \t\r\n\u00a0\u200b\u200e\u200f\ufeff.,;:!?\u00a1\u00bf\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb()[]*#-_"
_MEANING = {word: keyword for keyword, words in WORDS.items() for word in words}


def keyword_of(text: str) -> Keyword | None:
    """The keyword that the whole message is; None: it is none."""
    if len(text) > LONGEST:
        return None
    return _MEANING.get(_plain(text))


def _plain(text: str) -> str:
    """Without accents, case, and what stands around it; blanks within are one."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return re.sub(r"\s+", " ", letters.casefold().strip(_AROUND))
