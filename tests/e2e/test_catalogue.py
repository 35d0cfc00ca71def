"""A few messages through some faults of each far end: nothing lost, nothing sent twice in silence. ``make faults`` runs all of them."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from bench.farends import FAR_ENDS, Hardship, Told
from bench.trial import Case, trial, wrongs
from gateway.connectors import CONNECTORS
from gateway.domain.sending import RefundPolicy, UnknownPolicy
from tests.support import programs
from tests.support.smsc import FAULTS as SMSC_FAULTS

MESSAGES = 18
FAULTS = {
    "smpp": ("none", "never", "throttled", "refused", "receipts_first", "reset", "half_open", "noise", "hex_ids"),
    "simulator": ("none", "never", "throttled"),
    "http": ("broken", "receipt_first"),
    "smsend": ("error_after",),
    "telegram": ("broken",),
    "android": ("offline",),
    "cht": ("answers_lost",),
}
CASES = [(kind, fault) for kind, faults in FAULTS.items() for fault in faults if kind in CONNECTORS]
HOLD, RESEND = UnknownPolicy


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("kind", "fault"), CASES)
def test_a_fault_breaks_no_promise(database_url, tmp_path, kind, fault):
    report = trial(Case(kind, fault, 3, MESSAGES, database_url, str(tmp_path), HOLD, RefundPolicy.UNDELIVERED))
    assert report.problems == []
    assert sum(report.states.values()) == MESSAGES
    assert report.taken > 0


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_sending_again_is_shown(database_url, tmp_path):
    report = trial(Case("smpp", "never", 1, MESSAGES, database_url, str(tmp_path), RESEND, RefundPolicy.UNSENT))
    assert report.problems == []
    assert report.again > 0, "the far end took some and did not say so; those were sent again"


@pytest.mark.parametrize(
    ("state", "outcomes", "told", "policy", "wrong"),
    [
        ("delivered", ["accepted"], Told(1, 1, False, frozenset({"delivered"}), frozenset({"delivered"})), HOLD, []),
        ("delivered", ["accepted"], Told(2, 2, False, frozenset({"delivered"})), HOLD, ["twice in silence", "more often", "policy"]),
        ("sent", ["accepted"], Told(1, 1, False, frozenset({"delivered"}), frozenset({"delivered"})), HOLD, ["shown as sent"]),
        ("delivered", ["accepted"], Told(), HOLD, ["never took", "never reported"]),
        ("failed", ["final"], Told(1, 1), HOLD, ["twice in silence", "shown as failed"]),
        ("unknown", ["unknown"], Told(), HOLD, ["unknown without need"]),
        ("sent", [None], Told(1, 1), HOLD, ["without an end", "twice in silence"]),
        ("sent", ["unknown", "accepted"], Told(2, 2), RESEND, []),
        ("sent", ["accepted"], Told(1, 1, texts=frozenset({"another"})), HOLD, ["another text"]),
    ],
)
def test_the_judge_sees_what_is_wrong(state, outcomes, told, policy, wrong):
    row = SimpleNamespace(message=SimpleNamespace(state=state), outcomes=outcomes, sent=SimpleNamespace(text="as accepted"))
    found = list(wrongs(row, told, Hardship("all is well"), policy))  # type: ignore[arg-type]
    assert len(found) == len(wrong) and all(any(words in each for each in found) for words in wrong)


def test_every_far_end_belongs_to_a_connector_that_exists():
    assert set(FAR_ENDS) <= set(CONNECTORS)
    assert all("none" in far_end.faults for far_end in FAR_ENDS.values())


def test_the_page_lists_every_fault_of_the_smsc():
    page = (programs.ROOT / "docs" / "connectors" / "faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (yes)? ?\|$", page, re.MULTILINE)
    assert {(name, words, bool(hides)) for name, words, hides in rows} == {
        (each.name, each.words, each.hides) for each in SMSC_FAULTS.values()
    }
