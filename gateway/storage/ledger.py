"""Reading the ledger, and the queries that prove it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gateway.storage.tables import ISSUER_ACCOUNT_ID, REVENUE_ACCOUNT_ID, LedgerEntry

_CHECKS: tuple[tuple[str, str], ...] = (
    (
        "balance {a} differs from the ledger's {b}",
        """SELECT a.id, a.balance, coalesce(l.total, 0) FROM accounts a LEFT JOIN (
             SELECT account_id, sum(CASE WHEN to_account_id = account_id THEN units ELSE -units END) AS total
             FROM ledger_entries GROUP BY account_id) l ON l.account_id = a.id
           WHERE a.kind = 'customer' AND a.balance <> coalesce(l.total, 0)""",
    ),
    (
        "has {a} entries up to sequence {b}",
        """SELECT a.id, coalesce(l.number, 0), a.ledger_sequence FROM accounts a LEFT JOIN (
             SELECT account_id, count(*) AS number, max(sequence) AS last, min(sequence) AS first
             FROM ledger_entries GROUP BY account_id) l ON l.account_id = a.id
           WHERE a.kind = 'customer' AND (coalesce(l.number, 0) <> a.ledger_sequence
             OR coalesce(l.last, 0) <> a.ledger_sequence OR coalesce(l.first, 1) <> 1)""",
    ),
    (
        "entry {a} does not follow from the one before: balance {b}",
        """SELECT account_id, sequence, balance_after FROM (
             SELECT account_id, sequence, balance_after,
               sum(CASE WHEN to_account_id = account_id THEN units ELSE -units END)
                 OVER (PARTITION BY account_id ORDER BY sequence) AS running
             FROM ledger_entries) e WHERE running <> balance_after""",
    ),
    (
        "entry {a} moves {b} units between the wrong accounts",
        f"""SELECT account_id, sequence, units FROM ledger_entries WHERE NOT CASE kind
             WHEN 'charge' THEN from_account_id = account_id AND to_account_id = {REVENUE_ACCOUNT_ID}
             WHEN 'refund' THEN from_account_id = {REVENUE_ACCOUNT_ID} AND to_account_id = account_id
             WHEN 'credit' THEN (from_account_id = account_id AND to_account_id = {ISSUER_ACCOUNT_ID})
               OR (from_account_id = {ISSUER_ACCOUNT_ID} AND to_account_id = account_id)
             ELSE from_account_id = account_id OR to_account_id = account_id END""",
    ),
    (
        "balance {a} is below its limit {b}",
        "SELECT id, balance, -credit_limit FROM accounts WHERE kind = 'customer' AND balance + credit_limit < 0",
    ),
    (
        "an order without its charge: {a} units, {b} charged",
        """SELECT o.account_id, o.units, coalesce(l.units, -1) FROM orders o LEFT JOIN ledger_entries l
             ON l.account_id = o.account_id AND l.sequence = o.charge_sequence AND l.kind = 'charge' AND l.order_id = o.id
           WHERE l.units IS NULL OR l.units <> o.units""",
    ),
    (
        "charge {a} is no order's ({b} units)",
        """SELECT l.account_id, l.sequence, l.units FROM ledger_entries l LEFT JOIN orders o
             ON o.account_id = l.account_id AND o.id = l.order_id AND o.charge_sequence = l.sequence
           WHERE l.kind = 'charge' AND o.id IS NULL""",
    ),
    (
        "{a} messages worth {b} units belong to no order",
        """SELECT m.account_id, count(*), sum(m.units) FROM messages m LEFT JOIN orders o
             ON o.account_id = m.account_id AND o.id = m.order_id WHERE o.id IS NULL GROUP BY m.account_id""",
    ),
    (
        "an order of {a} units has messages worth {b}",
        """SELECT o.account_id, o.units, coalesce(m.total, 0) FROM orders o LEFT JOIN (
             SELECT account_id, order_id, sum(units) AS total, count(*) AS number FROM messages GROUP BY account_id, order_id) m
             ON m.account_id = o.account_id AND m.order_id = o.id
           WHERE coalesce(m.total, 0) <> o.units OR coalesce(m.number, 0) <> o.recipient_count""",
    ),
    (
        "refunds of {a} units where the messages gave back {b}",
        """SELECT m.account_id, coalesce(r.total, 0), m.total FROM (
             SELECT account_id, order_id, sum(refunded_units) AS total FROM messages GROUP BY account_id, order_id) m
           LEFT JOIN (SELECT account_id, order_id, sum(units) AS total FROM ledger_entries WHERE kind = 'refund'
             GROUP BY account_id, order_id) r ON r.account_id = m.account_id AND r.order_id = m.order_id
           WHERE coalesce(r.total, 0) <> m.total""",
    ),
    (
        "refunds {a} units of a charge of {b}",
        """SELECT r.account_id, r.total, coalesce(c.units, 0) FROM (
             SELECT account_id, order_id, refund_of, sum(units) AS total FROM ledger_entries WHERE kind = 'refund'
             GROUP BY account_id, order_id, refund_of) r
           LEFT JOIN ledger_entries c
             ON c.account_id = r.account_id AND c.sequence = r.refund_of AND c.kind = 'charge' AND c.order_id = r.order_id
           WHERE r.total > coalesce(c.units, -1)""",
    ),
    (
        "a message gave back {a} units of {b}",
        "SELECT account_id, refunded_units, units FROM messages WHERE refunded_units > units OR refunded_units < 0",
    ),
)


def faults(session: Session) -> Iterator[tuple[int, str]]:
    """(account id, what was found) for everything that does not add up."""
    for words, query in _CHECKS:
        for account_id, a, b in session.execute(text(query)):
            yield account_id, words.format(a=a, b=b)


def entries(session: Session, account_id: int, limit: int) -> Sequence[LedgerEntry]:
    """The newest entries of an account."""
    return session.scalars(
        select(LedgerEntry).where(LedgerEntry.account_id == account_id).order_by(LedgerEntry.sequence.desc()).limit(limit)
    ).all()
