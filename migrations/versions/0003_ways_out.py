"""Real ways out: routes, limits, handsets, callbacks, what comes in, and who opted out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW_TABLES = (
    "velocity_caps",
    "routes",
    "keyword_replies",
    "inbound_numbers",
    "callbacks",
    "velocity_uses",
    "telegram_chats",
    "quiet_hours",
    "pairings",
    "opt_outs",
    "inbound_parts",
    "inbound",
    "handsets",
    "handset_commands",
    "connector_standings",
    "connector_prices",
    "callback_deliveries",
    "callback_breakers",
)
NEW_COLUMNS = {
    "accounts": ("parts_per_second", "next_slot_at"),
    "connectors": ("secrets", "inbound_account_id"),
    "messages": ("route",),
    "receipts": ("recipient",),
    "users": ("lane",),
    "orders": ("is_pinned",),
}


def upgrade() -> None:
    op.create_table(
        "callback_breakers",
        sa.Column("endpoint", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=False),
        sa.Column("open_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_callback_breakers")),
    )
    op.create_table(
        "callback_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("endpoint", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=48), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("dead_at", UtcDateTime(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callback_deliveries")),
    )
    op.create_index("ix_callback_deliveries_endpoint", "callback_deliveries", ["endpoint", "created_at"])
    op.create_index(
        "ix_callback_deliveries_open",
        "callback_deliveries",
        ["endpoint", "next_at"],
        postgresql_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
        sqlite_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    for name in ("delivered", "dead"):
        op.create_index(
            f"ix_callback_deliveries_{name}",
            "callback_deliveries",
            [f"{name}_at"],
            postgresql_where=sa.text(f"{name}_at IS NOT NULL"),
            sqlite_where=sa.text(f"{name}_at IS NOT NULL"),
        )

    op.create_table(
        "connector_prices",
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("prefix", sa.String(length=15), nullable=False),
        sa.Column("units_per_part", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("units_per_part >= 0", name=op.f("ck_connector_prices_cost_not_negative")),
        sa.PrimaryKeyConstraint("connector", "prefix", name=op.f("pk_connector_prices")),
    )
    op.create_table(
        "connector_standings",
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("is_connected", sa.Boolean(), nullable=False),
        sa.Column("score", sa.SmallInteger(), server_default=sa.text("100"), nullable=False),
        sa.Column("note", sa.String(length=200), server_default=sa.text("''"), nullable=False),
        sa.Column("receipt_id_form", sa.String(length=64), nullable=True),
        sa.Column("cursor", sa.String(length=64), nullable=True),
        sa.Column("disconnected_at", UtcDateTime(), nullable=True),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connector", name=op.f("pk_connector_standings")),
    )
    op.create_table(
        "handset_commands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handset_id", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handset_commands")),
    )
    op.create_index("ix_handset_commands_created_at", "handset_commands", ["created_at"])
    op.create_index("ix_handset_commands_handset", "handset_commands", ["handset_id", "id"])

    op.create_table(
        "handsets",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("login", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("token_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("app_version", sa.String(length=64), nullable=False),
        sa.Column("sims", sa.JSON(), nullable=False),
        sa.Column("numbers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("settings", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("claimed", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(), nullable=False),
        sa.Column("last_seen", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handsets")),
        sa.UniqueConstraint("login", name=op.f("uq_handsets_login")),
        sa.UniqueConstraint("token_hmac", name=op.f("uq_handsets_token_hmac")),
    )
    op.create_index(
        "uq_handsets_live",
        "handsets",
        ["connector"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
        sqlite_where=sa.text("revoked_at IS NULL"),
    )

    op.create_table(
        "inbound",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=17), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_encrypted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("sim", sa.String(length=8), nullable=True),
        sa.Column("attachments", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("keyword", sa.String(length=16), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", UtcDateTime(), nullable=True),
        sa.Column("hidden_at", UtcDateTime(), nullable=True),
        sa.Column("reply_due_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_inbound_fingerprint")),
        sa.UniqueConstraint("public_id", name=op.f("uq_inbound_public_id")),
    )
    op.create_index("ix_inbound_account", "inbound", ["account_id", "received_at"])
    op.create_index("ix_inbound_conversation", "inbound", ["account_id", "recipient", "sender", "received_at"])
    op.create_index(
        "ix_inbound_unanswered",
        "inbound",
        ["reply_due_at"],
        postgresql_where=sa.text("reply_due_at IS NOT NULL"),
        sqlite_where=sa.text("reply_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_inbound_unfetched",
        "inbound",
        ["account_id", "id"],
        postgresql_where=sa.text("fetched_at IS NULL AND account_id IS NOT NULL"),
        sqlite_where=sa.text("fetched_at IS NULL AND account_id IS NOT NULL"),
    )

    op.create_table(
        "inbound_parts",
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=17), nullable=False),
        sa.Column("reference", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("total", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("connector", "sender", "recipient", "reference", "total", "position", name=op.f("pk_inbound_parts")),
    )
    op.create_index("ix_inbound_parts_received_at", "inbound_parts", ["received_at"])

    op.create_table(
        "opt_outs",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.String(length=17), nullable=False),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_opt_outs")),
    )
    op.create_index("ix_opt_outs_number", "opt_outs", ["number"])

    op.create_table(
        "pairings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("secret_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairings")),
        sa.UniqueConstraint("secret_hmac", name=op.f("uq_pairings_secret_hmac")),
    )
    op.create_index("ix_pairings_connector", "pairings", ["connector"])

    op.create_table(
        "quiet_hours",
        sa.Column("region", sa.String(length=2), nullable=False),
        sa.Column("start_minute", sa.SmallInteger(), nullable=False),
        sa.Column("end_minute", sa.SmallInteger(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.CheckConstraint("start_minute <> end_minute", name=op.f("ck_quiet_hours_some_hours_are_open")),
        sa.PrimaryKeyConstraint("region", name=op.f("pk_quiet_hours")),
    )
    op.create_table(
        "telegram_chats",
        sa.Column("connector", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=17), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("connector", "number", name=op.f("pk_telegram_chats")),
    )
    op.create_index("ix_telegram_chats_chat_id", "telegram_chats", ["chat_id"])

    op.create_table(
        "velocity_uses",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("window_start", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "window_start", name=op.f("pk_velocity_uses")),
    )
    op.create_index("ix_velocity_uses_window_start", "velocity_uses", ["window_start"])

    op.create_table(
        "callbacks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("url", sa.LargeBinary(), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=4), nullable=False),
        sa.Column("key_id", sa.String(length=24), nullable=True),
        sa.Column("signing_key", sa.LargeBinary(), nullable=True),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_callbacks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
    )
    op.create_index("ix_callbacks_account_id", "callbacks", ["account_id"])

    op.create_table(
        "inbound_numbers",
        sa.Column("number", sa.String(length=17), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_inbound_numbers_account_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inbound_numbers")),
    )
    op.create_index("ix_inbound_numbers_account_id", "inbound_numbers", ["account_id"])

    op.create_table(
        "keyword_replies",
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("keyword", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_keyword_replies_account_id")),
        sa.PrimaryKeyConstraint("account_id", "keyword", name=op.f("pk_keyword_replies")),
    )
    op.create_table(
        "routes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("dialects", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("message_types", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("prefixes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("originators", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("strategy", sa.String(length=16), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("failover", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_routes_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routes")),
        sa.UniqueConstraint("name", name=op.f("uq_routes_name")),
    )
    op.create_table(
        "velocity_caps",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("per", sa.String(length=8), nullable=False),
        sa.Column("prefix", sa.String(length=15), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("window_seconds", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("most >= 0 AND window_seconds > 0", name=op.f("ck_velocity_caps_sensible")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_velocity_caps_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_velocity_caps")),
    )
    op.add_column("accounts", sa.Column("parts_per_second", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("accounts", sa.Column("next_slot_at", UtcDateTime(), nullable=True))

    op.add_column("connectors", sa.Column("secrets", sa.LargeBinary(), nullable=True))
    op.add_column("connectors", sa.Column("inbound_account_id", sa.BigInteger(), nullable=True))

    op.add_column("messages", sa.Column("route", sa.String(length=64), nullable=True))
    op.add_column("receipts", sa.Column("recipient", sa.String(length=17), nullable=True))
    op.add_column("users", sa.Column("lane", sa.SmallInteger(), nullable=True))

    op.add_column("orders", sa.Column("is_pinned", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    for table, columns in NEW_COLUMNS.items():
        for column in columns:  # both databases do this in place; a batch would rebuild SQLite's table and lose its form
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in NEW_TABLES:
        op.drop_table(table)
