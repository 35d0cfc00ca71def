"""One account, many dialects: devices, owned numbers, address books, API keys with limits of their own, and test mode."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from gateway.storage.types import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
TEST_CONNECTOR = "test"
NEW_TABLES = (
    "group_members", "contact_groups", "contacts", "send_schedules", "webhooks", "threads", "heartbeats", "phones", "devices", "daily_uses",
)  # fmt: skip
NEW_COLUMNS = {
    "credentials": ("label", "permissions", "daily_cap", "scope", "calls_per_minute", "is_test"),
    "messages": ("hidden_at",),
    "orders": ("credential_id", "is_test", "is_flash", "is_encrypted"),
    "users": ("revision", "allowed_networks", "daily_cap", "calls_per_minute", "is_test", "profile"),
}


def upgrade() -> None:
    op.create_table(
        "daily_uses",
        sa.Column("scope", sa.String(length=48), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "day", name=op.f("pk_daily_uses")),
    )
    op.create_table(
        "contact_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_contact_groups_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_groups")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_contact_groups_account_id_name")),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("number", sa.String(length=17), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_contacts_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_contacts_account_id_name")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(length=17), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("charging", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_heartbeats_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
    )
    op.create_index("ix_heartbeats_owner", "heartbeats", ["account_id", "owner", "at"])

    op.create_table(
        "phones",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=17), nullable=False),
        sa.Column("sim", sa.String(length=8), nullable=False),
        sa.Column("messages_per_minute", sa.Integer(), nullable=False),
        sa.Column("max_send_attempts", sa.Integer(), nullable=False),
        sa.Column("message_expiration_seconds", sa.Integer(), nullable=False),
        sa.Column("missed_call_auto_reply", sa.Text(), nullable=True),
        sa.Column("unarchive_thread", sa.Boolean(), nullable=False),
        sa.Column("push_token", sa.Text(), nullable=True),
        sa.Column("schedule_id", sa.Uuid(), nullable=True),
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("connector", sa.String(length=32), nullable=True),
        sa.Column("next_slot_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_phones_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phones")),
        sa.UniqueConstraint("account_id", "number", name=op.f("uq_phones_account_id_number")),
    )
    op.create_table(
        "send_schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("windows", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_send_schedules_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send_schedules")),
    )
    op.create_index(op.f("ix_send_schedules_account_id"), "send_schedules", ["account_id"])

    op.create_table(
        "threads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(length=17), nullable=False),
        sa.Column("contact", sa.String(length=17), nullable=False),
        sa.Column("is_archived", sa.Boolean(), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("color", sa.String(length=16), nullable=False),
        sa.Column("last_message_id", sa.Uuid(), nullable=True),
        sa.Column("last_text", sa.Text(), nullable=True),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_threads_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
        sa.UniqueConstraint("account_id", "owner", "contact", name=op.f("uq_threads_account_id_owner_contact")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("url", sa.String(length=300), nullable=False),
        sa.Column("signing_key", sa.LargeBinary(), nullable=True),
        sa.Column("phone_numbers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("events", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_webhooks_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index(op.f("ix_webhooks_account_id"), "webhooks", ["account_id"])

    op.create_table(
        "devices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("connector", sa.String(length=32), nullable=True),
        sa.Column("last_seen", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_devices_account_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_devices_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("name", name=op.f("uq_devices_name")),
        sa.UniqueConstraint("user_id", name=op.f("uq_devices_user_id")),
    )
    op.create_index(op.f("ix_devices_account_id"), "devices", ["account_id"])

    op.create_table(
        "group_members",
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name=op.f("fk_group_members_contact_id")),
        sa.ForeignKeyConstraint(["group_id"], ["contact_groups.id"], name=op.f("fk_group_members_group_id")),
        sa.PrimaryKeyConstraint("group_id", "contact_id", name=op.f("pk_group_members")),
    )
    op.create_index(op.f("ix_group_members_contact_id"), "group_members", ["contact_id"])

    op.add_column("credentials", sa.Column("label", sa.String(length=64), server_default=sa.text("''"), nullable=False))
    op.add_column("credentials", sa.Column("permissions", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("credentials", sa.Column("daily_cap", sa.Integer(), nullable=True))
    op.add_column("credentials", sa.Column("scope", sa.String(length=48), nullable=True))
    op.add_column("credentials", sa.Column("calls_per_minute", sa.Integer(), nullable=True))
    op.add_column("credentials", sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(
        "uq_credentials_live_bulk_key",
        "credentials",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'bulk' AND revoked_at IS NULL"),
        sqlite_where=sa.text("kind = 'bulk' AND revoked_at IS NULL"),
    )

    op.add_column("messages", sa.Column("hidden_at", UtcDateTime(), nullable=True))
    failed = sa.text("state IN ('failed', 'undelivered', 'expired')")
    op.create_index("ix_messages_failed", "messages", ["final_at"], postgresql_where=failed, sqlite_where=failed)

    op.add_column("orders", sa.Column("credential_id", sa.Uuid(), nullable=True))
    op.add_column("orders", sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("orders", sa.Column("is_flash", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("orders", sa.Column("is_encrypted", sa.Boolean(), server_default=sa.false(), nullable=False))

    op.add_column("users", sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("users", sa.Column("allowed_networks", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("users", sa.Column("daily_cap", sa.Integer(), nullable=True))
    op.add_column("users", sa.Column("calls_per_minute", sa.Integer(), nullable=True))
    op.add_column("users", sa.Column("is_test", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("users", sa.Column("profile", sa.JSON(none_as_null=True), nullable=True))
    _seed()


def _seed() -> None:
    """The way out of messages in test mode: a simulator that no tariff leads to."""
    connectors = sa.table(
        "connectors",
        *(sa.column(name) for name in ("name", "kind", "parts_per_second", "unknown_policy", "refund_policy", "fence")),
        sa.column("enabled", sa.Boolean()),
        sa.column("settings", sa.JSON()),
        sa.column("created_at", UtcDateTime()),
    )
    row = {"name": TEST_CONNECTOR, "kind": "simulator", "enabled": True, "settings": {}, "parts_per_second": 0, "fence": 0}
    op.bulk_insert(connectors, [row | {"unknown_policy": "hold", "refund_policy": "unsent", "created_at": BEGINNING}])


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM connectors WHERE name = :name").bindparams(name=TEST_CONNECTOR))
    op.drop_index("uq_credentials_live_bulk_key", "credentials")
    op.drop_index("ix_messages_failed", "messages")
    for table, columns in NEW_COLUMNS.items():
        for column in columns:  # both databases do this in place; a batch would rebuild SQLite's table and lose its form
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    for table in NEW_TABLES:
        op.drop_table(table)
