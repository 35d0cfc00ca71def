"""The first schema, with what every installation starts from."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
ISSUER, REVENUE, FIRST_CUSTOMER = 1, 2, 1000
TABLES = (
    "sessions", "credentials", "users", "tariffs", "receipts", "orders", "messages", "ledger_entries", "connectors", "attempts", "accounts",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("default_region", sa.String(length=2), nullable=False),
        sa.Column("default_originator", sa.String(length=16), nullable=True),
        sa.Column("originators", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("text_policy", sa.String(length=16), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("credit_limit", sa.BigInteger(), nullable=False),
        sa.Column("ledger_sequence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind = 'system' OR balance + credit_limit >= 0", name=op.f("ck_accounts_balance_within_limit")),
        sa.ForeignKeyConstraint(["parent_id"], ["accounts.id"], name=op.f("fk_accounts_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )
    op.create_table(
        "attempts",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("carrier_code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.String(length=200), nullable=True),
        sa.Column("smsc_message_id", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "order_id", "position", "number", name=op.f("pk_attempts")),
    )
    op.create_table(
        "connectors",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("parts_per_second", sa.Integer(), nullable=False),
        sa.Column("unknown_policy", sa.String(length=16), nullable=False),
        sa.Column("refund_policy", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connectors")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_account_id", sa.BigInteger(), nullable=False),
        sa.Column("to_account_id", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("refund_of", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("from_account_id <> to_account_id", name=op.f("ck_ledger_entries_two_sides")),
        sa.CheckConstraint("units >= 0", name=op.f("ck_ledger_entries_units_not_negative")),
        sa.PrimaryKeyConstraint("account_id", "sequence", name=op.f("pk_ledger_entries")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_ledger_entries_refund",
        "ledger_entries",
        ["account_id", "order_id"],
        postgresql_where=sa.text("kind = 'refund'"),
        sqlite_where=sa.text("kind = 'refund'"),
    )

    op.create_table(
        "messages",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("recipient", sa.String(length=17), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("alphabet", sa.String(length=8), nullable=True),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("smsc_message_id", sa.String(length=64), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("receipt_due_at", UtcDateTime(), nullable=True),
        sa.Column("final_at", UtcDateTime(), nullable=True),
        sa.Column("failure", sa.String(length=200), nullable=True),
        sa.Column("refunded_units", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "order_id", "position", name=op.f("pk_messages")),
    )
    op.create_index(
        "ix_messages_expiring",
        "messages",
        ["expires_at"],
        postgresql_where=sa.text("state IN ('scheduled', 'queued') AND expires_at IS NOT NULL"),
        sqlite_where=sa.text("state IN ('scheduled', 'queued') AND expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_leased",
        "messages",
        ["lease_until"],
        postgresql_where=sa.text("state = 'sending'"),
        sqlite_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_messages_receipt_due",
        "messages",
        ["receipt_due_at"],
        postgresql_where=sa.text("receipt_due_at IS NOT NULL"),
        sqlite_where=sa.text("receipt_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_scheduled",
        "messages",
        ["account_id", "order_id"],
        postgresql_where=sa.text("state = 'scheduled'"),
        sqlite_where=sa.text("state = 'scheduled'"),
    )
    op.create_index("ix_messages_recipient", "messages", ["account_id", "recipient", "order_id"])
    op.create_index(
        "ix_messages_smsc_message_id",
        "messages",
        ["connector", "smsc_message_id"],
        postgresql_where=sa.text("smsc_message_id IS NOT NULL"),
        sqlite_where=sa.text("smsc_message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_messages_unknown",
        "messages",
        ["connector"],
        postgresql_where=sa.text("state = 'unknown'"),
        sqlite_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "ix_messages_waiting",
        "messages",
        ["connector", "priority", "due_at"],
        postgresql_where=sa.text("state IN ('scheduled', 'queued')"),
        sqlite_where=sa.text("state IN ('scheduled', 'queued')"),
    )

    op.create_table(
        "orders",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("dialect", sa.String(length=16), nullable=False),
        sa.Column("client_ref", sa.String(length=64), nullable=True),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("message_type", sa.String(length=16), nullable=False),
        sa.Column("type_token", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("text_read", sa.Text(), nullable=True),
        sa.Column("alphabet", sa.String(length=8), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("originator", sa.String(length=17), nullable=True),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("wants_receipt", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("recipient_count", sa.Integer(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("charge_sequence", sa.BigInteger(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_orders")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_orders_client_ref",
        "orders",
        ["account_id", "dialect", "client_ref"],
        unique=True,
        postgresql_where=sa.text("client_ref IS NOT NULL"),
        sqlite_where=sa.text("client_ref IS NOT NULL"),
    )
    op.create_index(
        "uq_orders_idempotency_key",
        "orders",
        ["account_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
    )

    op.create_table(
        "receipts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("smsc_message_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("carrier_code", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
    )
    op.create_index(
        "ix_receipts_message",
        "receipts",
        ["account_id", "order_id", "position"],
        postgresql_where=sa.text("account_id IS NOT NULL"),
        sqlite_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_receipts_parked",
        "receipts",
        ["connector", "smsc_message_id"],
        postgresql_where=sa.text("account_id IS NULL"),
        sqlite_where=sa.text("account_id IS NULL"),
    )

    op.create_table(
        "tariffs",
        sa.Column("message_type", sa.String(length=16), nullable=False),
        sa.Column("prefix", sa.String(length=15), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("units_per_part", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units_per_part >= 0", name=op.f("ck_tariffs_price_not_negative")),
        sa.PrimaryKeyConstraint("message_type", "prefix", "valid_from", name=op.f("pk_tariffs")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("username", sa.String(length=128), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("user_key", sa.String(length=32), nullable=False),
        sa.Column("permissions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_users_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("user_key", name=op.f("uq_users_user_key")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_index("ix_users_account_id", "users", ["account_id"])

    op.create_table(
        "credentials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("prefix", sa.String(length=24), nullable=True),
        sa.Column("secret_hmac", sa.LargeBinary(), nullable=True),
        sa.Column("allowed_networks", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_credentials_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_credentials_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credentials")),
        sa.UniqueConstraint("prefix", name=op.f("uq_credentials_prefix")),
    )
    op.create_index("ix_credentials_account_id", "credentials", ["account_id"])
    op.create_index("ix_credentials_user_id", "credentials", ["user_id"])

    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_last_seen", "sessions", ["last_seen"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    _seed()
    if op.get_bind().dialect.name == "postgresql":
        _tune_postgresql()


def _seed() -> None:
    """The two system accounts of the ledger, the simulator, and one credit a part for every message type."""
    accounts = sa.table(
        "accounts",
        *(sa.column(name) for name in ("id", "name", "kind", "status", "zone", "default_region", "text_policy", "balance", "credit_limit")),
        sa.column("ledger_sequence"),
        sa.column("created_at", UtcDateTime()),
    )
    common = {
        "kind": "system", "status": "active", "zone": "UTC", "default_region": "", "text_policy": "ucs2",
        "balance": 0, "credit_limit": 0, "ledger_sequence": 0, "created_at": BEGINNING,
    }  # fmt: skip
    op.bulk_insert(accounts, [common | {"id": ISSUER, "name": "issuer"}, common | {"id": REVENUE, "name": "revenue"}])
    connectors = sa.table(
        "connectors",
        *(sa.column(name) for name in ("name", "kind", "parts_per_second", "unknown_policy", "refund_policy", "fence")),
        sa.column("enabled", sa.Boolean()),
        sa.column("settings", sa.JSON()),
        sa.column("created_at", UtcDateTime()),
    )
    simulator = {"name": "simulator", "kind": "simulator", "enabled": True, "settings": {}, "parts_per_second": 0, "fence": 0}
    op.bulk_insert(connectors, [simulator | {"unknown_policy": "hold", "refund_policy": "unsent", "created_at": BEGINNING}])
    tariffs = sa.table(
        "tariffs", sa.column("message_type"), sa.column("prefix"), sa.column("valid_from", UtcDateTime()), sa.column("units_per_part")
    )
    price = {"prefix": "", "valid_from": BEGINNING, "units_per_part": 1000}
    op.bulk_insert(tariffs, [price | {"message_type": name} for name in ("high", "medium", "low", "foreign", "advertising")])


def _tune_postgresql() -> None:
    """Customers' ids start behind the system's; busy tables are vacuumed early, so that claims stay fast."""
    op.execute(f"SELECT setval(pg_get_serial_sequence('accounts', 'id'), {FIRST_CUSTOMER}, false)")
    for table in ("messages", "attempts"):
        op.execute(
            f"ALTER TABLE {table} SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02)"
        )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
