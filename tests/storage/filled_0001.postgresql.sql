SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.accounts (
    id bigint NOT NULL,
    name character varying(64) NOT NULL,
    kind character varying(16) NOT NULL,
    parent_id bigint,
    status character varying(16) NOT NULL,
    zone character varying(64) NOT NULL,
    default_region character varying(2) NOT NULL,
    default_originator character varying(16),
    originators json,
    text_policy character varying(16) NOT NULL,
    balance bigint NOT NULL,
    credit_limit bigint NOT NULL,
    ledger_sequence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_accounts_balance_within_limit CHECK ((((kind)::text = 'system'::text) OR ((balance + credit_limit) >= 0)))
);
CREATE SEQUENCE public.accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.accounts_id_seq OWNED BY public.accounts.id;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.attempts (
    account_id bigint NOT NULL,
    order_id uuid NOT NULL,
    "position" integer NOT NULL,
    number bigint NOT NULL,
    connector character varying(32) NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    outcome character varying(16),
    carrier_code character varying(64),
    detail character varying(200),
    smsc_message_id character varying(64)
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');
CREATE TABLE public.connectors (
    name character varying(32) NOT NULL,
    kind character varying(32) NOT NULL,
    enabled boolean NOT NULL,
    settings json NOT NULL,
    parts_per_second integer NOT NULL,
    unknown_policy character varying(16) NOT NULL,
    refund_policy character varying(16) NOT NULL,
    owner character varying(64),
    lease_until timestamp with time zone,
    fence bigint NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.credentials (
    id uuid NOT NULL,
    account_id bigint NOT NULL,
    user_id bigint,
    kind character varying(16) NOT NULL,
    prefix character varying(24),
    secret_hmac bytea,
    allowed_networks json,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    last_used_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.ledger_entries (
    account_id bigint NOT NULL,
    sequence bigint NOT NULL,
    from_account_id bigint NOT NULL,
    to_account_id bigint NOT NULL,
    units bigint NOT NULL,
    balance_after bigint NOT NULL,
    kind character varying(16) NOT NULL,
    order_id uuid,
    refund_of bigint,
    note character varying(200) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_ledger_entries_two_sides CHECK ((from_account_id <> to_account_id)),
    CONSTRAINT ck_ledger_entries_units_not_negative CHECK ((units >= 0))
);
CREATE TABLE public.messages (
    account_id bigint NOT NULL,
    order_id uuid NOT NULL,
    "position" integer NOT NULL,
    recipient character varying(17) NOT NULL,
    text text,
    alphabet character varying(8),
    parts smallint NOT NULL,
    units bigint NOT NULL,
    state character varying(12) NOT NULL,
    connector character varying(32) NOT NULL,
    priority smallint NOT NULL,
    due_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    attempts smallint DEFAULT 0 NOT NULL,
    fence bigint DEFAULT 0 NOT NULL,
    lease_until timestamp with time zone,
    smsc_message_id character varying(64),
    sent_at timestamp with time zone,
    receipt_due_at timestamp with time zone,
    final_at timestamp with time zone,
    failure character varying(200),
    refunded_units bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='80', autovacuum_vacuum_scale_factor='0.02', autovacuum_analyze_scale_factor='0.02');
CREATE TABLE public.orders (
    account_id bigint NOT NULL,
    id uuid NOT NULL,
    user_id bigint,
    dialect character varying(16) NOT NULL,
    client_ref character varying(64),
    idempotency_key character varying(255),
    fingerprint bytea,
    message_type character varying(16) NOT NULL,
    type_token character varying(16) NOT NULL,
    text text NOT NULL,
    text_read text,
    alphabet character varying(8) NOT NULL,
    parts smallint NOT NULL,
    originator character varying(17),
    label character varying(255) NOT NULL,
    wants_receipt boolean NOT NULL,
    priority smallint NOT NULL,
    recipient_count integer NOT NULL,
    units bigint NOT NULL,
    charge_sequence bigint NOT NULL,
    due_at timestamp with time zone,
    expires_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL
);
CREATE TABLE public.receipts (
    id bigint NOT NULL,
    connector character varying(32) NOT NULL,
    smsc_message_id character varying(64) NOT NULL,
    state character varying(12) NOT NULL,
    carrier_code character varying(64) NOT NULL,
    at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    account_id bigint,
    order_id uuid,
    "position" integer
);
CREATE SEQUENCE public.receipts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.receipts_id_seq OWNED BY public.receipts.id;
CREATE TABLE public.sessions (
    id uuid NOT NULL,
    user_id bigint NOT NULL,
    purpose character varying(16) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);
CREATE TABLE public.tariffs (
    message_type character varying(16) NOT NULL,
    prefix character varying(15) NOT NULL,
    valid_from timestamp with time zone NOT NULL,
    units_per_part bigint NOT NULL,
    CONSTRAINT ck_tariffs_price_not_negative CHECK ((units_per_part >= 0))
);
CREATE TABLE public.users (
    id bigint NOT NULL,
    account_id bigint NOT NULL,
    username character varying(128) NOT NULL,
    password_hash text NOT NULL,
    user_key character varying(32) NOT NULL,
    permissions json NOT NULL,
    disabled boolean NOT NULL,
    created_at timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
ALTER TABLE ONLY public.accounts ALTER COLUMN id SET DEFAULT nextval('public.accounts_id_seq'::regclass);
ALTER TABLE ONLY public.receipts ALTER COLUMN id SET DEFAULT nextval('public.receipts_id_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
INSERT INTO public.accounts VALUES (1, 'issuer', 'system', NULL, 'active', 'UTC', '', NULL, NULL, 'ucs2', 0, 0, 0, '2000-01-01 00:00:00+00');
INSERT INTO public.accounts VALUES (2, 'revenue', 'system', NULL, 'active', 'UTC', '', NULL, NULL, 'ucs2', 0, 0, 0, '2000-01-01 00:00:00+00');
INSERT INTO public.accounts VALUES (1000, 'filled', 'customer', 1, 'active', 'Europe/Rome', 'IT', NULL, NULL, 'ucs2', 996000, 0, 3, '2026-01-05 08:00:00+00');
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.attempts VALUES (1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 0, 1, 'simulator', '2026-01-05 08:00:00+00', '2026-01-05 08:00:00+00', 'accepted', NULL, NULL, 'smsc-0');
INSERT INTO public.attempts VALUES (1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 1, 1, 'simulator', '2026-01-05 08:00:00+00', '2026-01-05 08:00:00+00', 'accepted', NULL, NULL, 'smsc-1');
INSERT INTO public.connectors VALUES ('simulator', 'simulator', true, '{}', 0, 'hold', 'unsent', NULL, NULL, 0, '2000-01-01 00:00:00+00');
INSERT INTO public.credentials VALUES ('cd890ca5-6961-4aca-9774-2913e138c023', 1000, 1, 'access_token', NULL, NULL, NULL, NULL, NULL, NULL, '2026-01-05 08:00:00+00');
INSERT INTO public.ledger_entries VALUES (1000, 1, 1, 1000, 1000000, 1000000, 'credit', NULL, NULL, '', '2026-01-05 08:00:00+00');
INSERT INTO public.ledger_entries VALUES (1000, 2, 1000, 2, 3000, 997000, 'charge', '019b8d2b-8c00-7a38-a77c-adeb5152ca39', NULL, '', '2026-01-05 08:00:00+00');
INSERT INTO public.ledger_entries VALUES (1000, 3, 1000, 2, 1000, 996000, 'charge', '019b8d2b-8c00-7310-8558-9ae7cf07ba8f', NULL, '', '2026-01-05 08:00:00+00');
INSERT INTO public.messages VALUES (1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 2, '+393400000002', 'ż', 'ucs2', 1, 1000, 'queued', 'simulator', 2, '2026-01-05 08:00:00+00', NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO public.messages VALUES (1000, '019b8d2b-8c00-7310-8558-9ae7cf07ba8f', 0, '+393471234567', NULL, NULL, 1, 1000, 'scheduled', 'simulator', 2, '2026-01-06 08:00:00+00', NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO public.messages VALUES (1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 0, '+393400000000', 'a', 'gsm7', 1, 1000, 'delivered', 'simulator', 2, '2026-01-05 08:00:00+00', NULL, 1, 1, NULL, 'smsc-0', '2026-01-05 08:00:00+00', NULL, '2026-01-05 08:00:00+00', NULL, 0);
INSERT INTO public.messages VALUES (1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 1, '+393400000001', 'b', 'gsm7', 1, 1000, 'delivered', 'simulator', 2, '2026-01-05 08:00:00+00', NULL, 1, 1, NULL, 'smsc-1', '2026-01-05 08:00:00+00', NULL, '2026-01-05 08:00:00+00', NULL, 0);
INSERT INTO public.orders VALUES (1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', NULL, 'smsend', 'mine', NULL, '\x', 'high', 'N', 'Good morning', NULL, 'gsm7', 1, NULL, '', true, 2, 3, 3000, 2, NULL, NULL, '2026-01-05 08:00:00+00');
INSERT INTO public.orders VALUES (1000, '019b8d2b-8c00-7310-8558-9ae7cf07ba8f', NULL, 'smsend', NULL, NULL, '\x', 'high', 'N', 'Good morning', NULL, 'gsm7', 1, NULL, '', true, 2, 1, 1000, 3, '2026-01-06 08:00:00+00', NULL, '2026-01-05 08:00:00+00');
INSERT INTO public.receipts VALUES (1, 'simulator', 'smsc-0', 'delivered', '000', '2026-01-05 08:00:00+00', '2026-01-05 08:00:00+00', 1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 0);
INSERT INTO public.receipts VALUES (2, 'simulator', 'smsc-1', 'delivered', '000', '2026-01-05 08:00:00+00', '2026-01-05 08:00:00+00', 1000, '019b8d2b-8c00-7a38-a77c-adeb5152ca39', 1);
INSERT INTO public.sessions VALUES ('eaedaaed-e503-458f-9c92-53d49414c40e', 1, 'api', '2026-01-05 08:00:00+00', '2026-01-05 08:00:00+00', NULL);
INSERT INTO public.tariffs VALUES ('high', '', '2000-01-01 00:00:00+00', 1000);
INSERT INTO public.tariffs VALUES ('medium', '', '2000-01-01 00:00:00+00', 1000);
INSERT INTO public.tariffs VALUES ('low', '', '2000-01-01 00:00:00+00', 1000);
INSERT INTO public.tariffs VALUES ('foreign', '', '2000-01-01 00:00:00+00', 1000);
INSERT INTO public.tariffs VALUES ('advertising', '', '2000-01-01 00:00:00+00', 1000);
INSERT INTO public.users VALUES (1, 1000, 'mario', '$argon2id$v=19$m=19456,t=2,p=1$EJqWiwlgsdH36/+1WlEEbw$ohS3HMNQTw/Uwu9OFn8y2c9oOYNXqT9z0xINkteD7Sw', 'f4d8ac3bdeccefbe', '["*"]', false, '2026-01-05 08:00:00+00');
SELECT pg_catalog.setval('public.accounts_id_seq', 1000, true);
SELECT pg_catalog.setval('public.receipts_id_seq', 2, true);
SELECT pg_catalog.setval('public.users_id_seq', 1, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT pk_accounts PRIMARY KEY (id);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT pk_attempts PRIMARY KEY (account_id, order_id, "position", number);
ALTER TABLE ONLY public.connectors
    ADD CONSTRAINT pk_connectors PRIMARY KEY (name);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT pk_credentials PRIMARY KEY (id);
ALTER TABLE ONLY public.ledger_entries
    ADD CONSTRAINT pk_ledger_entries PRIMARY KEY (account_id, sequence);
ALTER TABLE ONLY public.messages
    ADD CONSTRAINT pk_messages PRIMARY KEY (account_id, order_id, "position");
ALTER TABLE ONLY public.orders
    ADD CONSTRAINT pk_orders PRIMARY KEY (account_id, id);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT pk_receipts PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (id);
ALTER TABLE ONLY public.tariffs
    ADD CONSTRAINT pk_tariffs PRIMARY KEY (message_type, prefix, valid_from);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT uq_accounts_name UNIQUE (name);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT uq_credentials_prefix UNIQUE (prefix);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_user_key UNIQUE (user_key);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_username UNIQUE (username);
CREATE INDEX ix_credentials_account_id ON public.credentials USING btree (account_id);
CREATE INDEX ix_credentials_user_id ON public.credentials USING btree (user_id);
CREATE INDEX ix_ledger_entries_refund ON public.ledger_entries USING btree (account_id, order_id) WHERE ((kind)::text = 'refund'::text);
CREATE INDEX ix_messages_expiring ON public.messages USING btree (expires_at) WHERE (((state)::text = ANY ((ARRAY['scheduled'::character varying, 'queued'::character varying])::text[])) AND (expires_at IS NOT NULL));
CREATE INDEX ix_messages_leased ON public.messages USING btree (lease_until) WHERE ((state)::text = 'sending'::text);
CREATE INDEX ix_messages_receipt_due ON public.messages USING btree (receipt_due_at) WHERE (receipt_due_at IS NOT NULL);
CREATE INDEX ix_messages_recipient ON public.messages USING btree (account_id, recipient, order_id);
CREATE INDEX ix_messages_scheduled ON public.messages USING btree (account_id, order_id) WHERE ((state)::text = 'scheduled'::text);
CREATE INDEX ix_messages_smsc_message_id ON public.messages USING btree (connector, smsc_message_id) WHERE (smsc_message_id IS NOT NULL);
CREATE INDEX ix_messages_unknown ON public.messages USING btree (connector) WHERE ((state)::text = 'unknown'::text);
CREATE INDEX ix_messages_waiting ON public.messages USING btree (connector, priority, due_at) WHERE ((state)::text = ANY ((ARRAY['scheduled'::character varying, 'queued'::character varying])::text[]));
CREATE INDEX ix_receipts_message ON public.receipts USING btree (account_id, order_id, "position") WHERE (account_id IS NOT NULL);
CREATE INDEX ix_receipts_parked ON public.receipts USING btree (connector, smsc_message_id) WHERE (account_id IS NULL);
CREATE INDEX ix_sessions_last_seen ON public.sessions USING btree (last_seen);
CREATE INDEX ix_sessions_user_id ON public.sessions USING btree (user_id);
CREATE INDEX ix_users_account_id ON public.users USING btree (account_id);
CREATE UNIQUE INDEX uq_orders_client_ref ON public.orders USING btree (account_id, dialect, client_ref) WHERE (client_ref IS NOT NULL);
CREATE UNIQUE INDEX uq_orders_idempotency_key ON public.orders USING btree (account_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT fk_accounts_parent_id FOREIGN KEY (parent_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT fk_credentials_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id);
ALTER TABLE ONLY public.credentials
    ADD CONSTRAINT fk_credentials_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_user_id FOREIGN KEY (user_id) REFERENCES public.users(id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT fk_users_account_id FOREIGN KEY (account_id) REFERENCES public.accounts(id);
