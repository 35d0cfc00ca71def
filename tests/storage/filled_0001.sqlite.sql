BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	parent_id INTEGER, 
	status VARCHAR(16) NOT NULL, 
	zone VARCHAR(64) NOT NULL, 
	default_region VARCHAR(2) NOT NULL, 
	default_originator VARCHAR(16), 
	originators JSON, 
	text_policy VARCHAR(16) NOT NULL, 
	balance BIGINT NOT NULL, 
	credit_limit BIGINT NOT NULL, 
	ledger_sequence BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT ck_accounts_balance_within_limit CHECK (kind = 'system' OR balance + credit_limit >= 0), 
	CONSTRAINT fk_accounts_parent_id FOREIGN KEY(parent_id) REFERENCES accounts (id), 
	CONSTRAINT uq_accounts_name UNIQUE (name)
);
INSERT INTO "accounts" VALUES(1,'issuer','system',NULL,'active','UTC','',NULL,NULL,'ucs2',0,0,0,'2000-01-01 00:00:00.000000');
INSERT INTO "accounts" VALUES(2,'revenue','system',NULL,'active','UTC','',NULL,NULL,'ucs2',0,0,0,'2000-01-01 00:00:00.000000');
INSERT INTO "accounts" VALUES(3,'filled','customer',1,'active','Europe/Rome','IT',NULL,NULL,'ucs2',996000,0,3,'2026-01-05 08:00:00.000000');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE attempts (
	account_id BIGINT NOT NULL, 
	order_id CHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	number BIGINT NOT NULL, 
	connector VARCHAR(32) NOT NULL, 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	outcome VARCHAR(16), 
	carrier_code VARCHAR(64), 
	detail VARCHAR(200), 
	smsc_message_id VARCHAR(64), 
	CONSTRAINT pk_attempts PRIMARY KEY (account_id, order_id, position, number)
);
INSERT INTO "attempts" VALUES(3,'019b8d2b8c0079ad980efae03fcdb350',0,1,'simulator','2026-01-05 08:00:00.000000','2026-01-05 08:00:00.000000','accepted',NULL,NULL,'smsc-0');
INSERT INTO "attempts" VALUES(3,'019b8d2b8c0079ad980efae03fcdb350',1,1,'simulator','2026-01-05 08:00:00.000000','2026-01-05 08:00:00.000000','accepted',NULL,NULL,'smsc-1');
CREATE TABLE connectors (
	name VARCHAR(32) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	settings JSON NOT NULL, 
	parts_per_second INTEGER NOT NULL, 
	unknown_policy VARCHAR(16) NOT NULL, 
	refund_policy VARCHAR(16) NOT NULL, 
	owner VARCHAR(64), 
	lease_until DATETIME, 
	fence BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_connectors PRIMARY KEY (name)
);
INSERT INTO "connectors" VALUES('simulator','simulator',1,'{}',0,'hold','unsent',NULL,NULL,0,'2000-01-01 00:00:00.000000');
CREATE TABLE credentials (
	id CHAR(32) NOT NULL, 
	account_id INTEGER NOT NULL, 
	user_id INTEGER, 
	kind VARCHAR(16) NOT NULL, 
	prefix VARCHAR(24), 
	secret_hmac BLOB, 
	allowed_networks JSON, 
	expires_at DATETIME, 
	revoked_at DATETIME, 
	last_used_at DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_credentials PRIMARY KEY (id), 
	CONSTRAINT fk_credentials_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT fk_credentials_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_credentials_prefix UNIQUE (prefix)
);
INSERT INTO "credentials" VALUES('2fa5bbc896684b30bac6c4a83011cb91',3,1,'access_token',NULL,NULL,NULL,NULL,NULL,NULL,'2026-01-05 08:00:00.000000');
CREATE TABLE ledger_entries (
	account_id BIGINT NOT NULL, 
	sequence BIGINT NOT NULL, 
	from_account_id BIGINT NOT NULL, 
	to_account_id BIGINT NOT NULL, 
	units BIGINT NOT NULL, 
	balance_after BIGINT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	order_id CHAR(32), 
	refund_of BIGINT, 
	note VARCHAR(200) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_ledger_entries PRIMARY KEY (account_id, sequence), 
	CONSTRAINT ck_ledger_entries_two_sides CHECK (from_account_id <> to_account_id), 
	CONSTRAINT ck_ledger_entries_units_not_negative CHECK (units >= 0)
)
 WITHOUT ROWID

;
INSERT INTO "ledger_entries" VALUES(3,1,1,3,1000000,1000000,'credit',NULL,NULL,'','2026-01-05 08:00:00.000000');
INSERT INTO "ledger_entries" VALUES(3,2,3,2,3000,997000,'charge','019b8d2b8c0079ad980efae03fcdb350',NULL,'','2026-01-05 08:00:00.000000');
INSERT INTO "ledger_entries" VALUES(3,3,3,2,1000,996000,'charge','019b8d2b8c007baaa6eba91c641e1e26',NULL,'','2026-01-05 08:00:00.000000');
CREATE TABLE messages (
	account_id BIGINT NOT NULL, 
	order_id CHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	recipient VARCHAR(17) NOT NULL, 
	text TEXT, 
	alphabet VARCHAR(8), 
	parts SMALLINT NOT NULL, 
	units BIGINT NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	connector VARCHAR(32) NOT NULL, 
	priority SMALLINT NOT NULL, 
	due_at DATETIME NOT NULL, 
	expires_at DATETIME, 
	attempts SMALLINT DEFAULT 0 NOT NULL, 
	fence BIGINT DEFAULT 0 NOT NULL, 
	lease_until DATETIME, 
	smsc_message_id VARCHAR(64), 
	sent_at DATETIME, 
	receipt_due_at DATETIME, 
	final_at DATETIME, 
	failure VARCHAR(200), 
	refunded_units BIGINT DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_messages PRIMARY KEY (account_id, order_id, position)
);
INSERT INTO "messages" VALUES(3,'019b8d2b8c0079ad980efae03fcdb350',0,'+393400000000','a','gsm7',1,1000,'delivered','simulator',2,'2026-01-05 08:00:00.000000',NULL,1,1,NULL,'smsc-0','2026-01-05 08:00:00.000000',NULL,'2026-01-05 08:00:00.000000',NULL,0);
INSERT INTO "messages" VALUES(3,'019b8d2b8c0079ad980efae03fcdb350',1,'+393400000001','b','gsm7',1,1000,'delivered','simulator',2,'2026-01-05 08:00:00.000000',NULL,1,1,NULL,'smsc-1','2026-01-05 08:00:00.000000',NULL,'2026-01-05 08:00:00.000000',NULL,0);
INSERT INTO "messages" VALUES(3,'019b8d2b8c0079ad980efae03fcdb350',2,'+393400000002','ż','ucs2',1,1000,'queued','simulator',2,'2026-01-05 08:00:00.000000',NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "messages" VALUES(3,'019b8d2b8c007baaa6eba91c641e1e26',0,'+393471234567',NULL,NULL,1,1000,'scheduled','simulator',2,'2026-01-06 08:00:00.000000',NULL,0,0,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE TABLE orders (
	account_id BIGINT NOT NULL, 
	id CHAR(32) NOT NULL, 
	user_id BIGINT, 
	dialect VARCHAR(16) NOT NULL, 
	client_ref VARCHAR(64), 
	idempotency_key VARCHAR(255), 
	fingerprint BLOB, 
	message_type VARCHAR(16) NOT NULL, 
	type_token VARCHAR(16) NOT NULL, 
	text TEXT NOT NULL, 
	text_read TEXT, 
	alphabet VARCHAR(8) NOT NULL, 
	parts SMALLINT NOT NULL, 
	originator VARCHAR(17), 
	label VARCHAR(255) NOT NULL, 
	wants_receipt BOOLEAN NOT NULL, 
	priority SMALLINT NOT NULL, 
	recipient_count INTEGER NOT NULL, 
	units BIGINT NOT NULL, 
	charge_sequence BIGINT NOT NULL, 
	due_at DATETIME, 
	expires_at DATETIME, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_orders PRIMARY KEY (account_id, id)
)
 WITHOUT ROWID

;
INSERT INTO "orders" VALUES(3,'019b8d2b8c0079ad980efae03fcdb350',NULL,'smsend','mine',NULL,X'','high','N','Good morning',NULL,'gsm7',1,NULL,'',1,2,3,3000,2,NULL,NULL,'2026-01-05 08:00:00.000000');
INSERT INTO "orders" VALUES(3,'019b8d2b8c007baaa6eba91c641e1e26',NULL,'smsend',NULL,NULL,X'','high','N','Good morning',NULL,'gsm7',1,NULL,'',1,2,1,1000,3,'2026-01-06 08:00:00.000000',NULL,'2026-01-05 08:00:00.000000');
CREATE TABLE receipts (
	id INTEGER NOT NULL, 
	connector VARCHAR(32) NOT NULL, 
	smsc_message_id VARCHAR(64) NOT NULL, 
	state VARCHAR(12) NOT NULL, 
	carrier_code VARCHAR(64) NOT NULL, 
	at DATETIME NOT NULL, 
	received_at DATETIME NOT NULL, 
	account_id BIGINT, 
	order_id CHAR(32), 
	position INTEGER, 
	CONSTRAINT pk_receipts PRIMARY KEY (id)
);
INSERT INTO "receipts" VALUES(1,'simulator','smsc-0','delivered','000','2026-01-05 08:00:00.000000','2026-01-05 08:00:00.000000',3,'019b8d2b8c0079ad980efae03fcdb350',0);
INSERT INTO "receipts" VALUES(2,'simulator','smsc-1','delivered','000','2026-01-05 08:00:00.000000','2026-01-05 08:00:00.000000',3,'019b8d2b8c0079ad980efae03fcdb350',1);
CREATE TABLE sessions (
	id CHAR(32) NOT NULL, 
	user_id INTEGER NOT NULL, 
	purpose VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, 
	last_seen DATETIME NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);
INSERT INTO "sessions" VALUES('dbcab00fd31b4a9c911056fabcd49d97',1,'api','2026-01-05 08:00:00.000000','2026-01-05 08:00:00.000000',NULL);
CREATE TABLE tariffs (
	message_type VARCHAR(16) NOT NULL, 
	prefix VARCHAR(15) NOT NULL, 
	valid_from DATETIME NOT NULL, 
	units_per_part BIGINT NOT NULL, 
	CONSTRAINT pk_tariffs PRIMARY KEY (message_type, prefix, valid_from), 
	CONSTRAINT ck_tariffs_price_not_negative CHECK (units_per_part >= 0)
);
INSERT INTO "tariffs" VALUES('high','','2000-01-01 00:00:00.000000',1000);
INSERT INTO "tariffs" VALUES('medium','','2000-01-01 00:00:00.000000',1000);
INSERT INTO "tariffs" VALUES('low','','2000-01-01 00:00:00.000000',1000);
INSERT INTO "tariffs" VALUES('foreign','','2000-01-01 00:00:00.000000',1000);
INSERT INTO "tariffs" VALUES('advertising','','2000-01-01 00:00:00.000000',1000);
CREATE TABLE users (
	id INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	username VARCHAR(128) NOT NULL, 
	password_hash TEXT NOT NULL, 
	user_key VARCHAR(32) NOT NULL, 
	permissions JSON NOT NULL, 
	disabled BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT fk_users_account_id FOREIGN KEY(account_id) REFERENCES accounts (id), 
	CONSTRAINT uq_users_user_key UNIQUE (user_key), 
	CONSTRAINT uq_users_username UNIQUE (username)
);
INSERT INTO "users" VALUES(1,3,'mario','$argon2id$v=19$m=19456,t=2,p=1$XpHG/9SOwbqVw4bQzrSc9A$OKkuIg+RLSNsFtv32pzBm9IPnBne1SOuo3GSGtrcUWQ','33818587859d61dc','["*"]',0,'2026-01-05 08:00:00.000000');
CREATE INDEX ix_ledger_entries_refund ON ledger_entries (account_id, order_id) WHERE kind = 'refund';
CREATE INDEX ix_messages_expiring ON messages (expires_at) WHERE state IN ('scheduled', 'queued') AND expires_at IS NOT NULL;
CREATE INDEX ix_messages_leased ON messages (lease_until) WHERE state = 'sending';
CREATE INDEX ix_messages_receipt_due ON messages (receipt_due_at) WHERE receipt_due_at IS NOT NULL;
CREATE INDEX ix_messages_scheduled ON messages (account_id, order_id) WHERE state = 'scheduled';
CREATE INDEX ix_messages_recipient ON messages (account_id, recipient, order_id);
CREATE INDEX ix_messages_smsc_message_id ON messages (connector, smsc_message_id) WHERE smsc_message_id IS NOT NULL;
CREATE INDEX ix_messages_unknown ON messages (connector) WHERE state = 'unknown';
CREATE INDEX ix_messages_waiting ON messages (connector, priority, due_at) WHERE state IN ('scheduled', 'queued');
CREATE UNIQUE INDEX uq_orders_client_ref ON orders (account_id, dialect, client_ref) WHERE client_ref IS NOT NULL;
CREATE UNIQUE INDEX uq_orders_idempotency_key ON orders (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX ix_receipts_message ON receipts (account_id, order_id, position) WHERE account_id IS NOT NULL;
CREATE INDEX ix_receipts_parked ON receipts (connector, smsc_message_id) WHERE account_id IS NULL;
CREATE INDEX ix_users_account_id ON users (account_id);
CREATE INDEX ix_credentials_account_id ON credentials (account_id);
CREATE INDEX ix_credentials_user_id ON credentials (user_id);
CREATE INDEX ix_sessions_last_seen ON sessions (last_seen);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
COMMIT;
