CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

INSERT INTO "alembic_version" VALUES('0023');

CREATE TABLE approval_decisions (
	approval INTEGER NOT NULL, 
	person TEXT NOT NULL, 
	who TEXT NOT NULL, 
	who_kind TEXT DEFAULT 'name' NOT NULL, 
	who_email TEXT, 
	who_identity TEXT, 
	at FLOAT NOT NULL, 
	approves BOOLEAN NOT NULL, 
	reason TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (approval, person), 
	FOREIGN KEY(approval) REFERENCES approvals (id)
)
 WITHOUT ROWID

;

CREATE TABLE approvals (
	id INTEGER NOT NULL, 
	import INTEGER NOT NULL, 
	asked_by TEXT NOT NULL, 
	asked_by_kind TEXT DEFAULT 'name' NOT NULL, 
	asked_by_email TEXT, 
	asked_by_identity TEXT, 
	asked_at FLOAT NOT NULL, 
	rows INTEGER NOT NULL, 
	digest TEXT NOT NULL, 
	approvers INTEGER NOT NULL, 
	days INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	lapses_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	told_at FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE attempts (
	"row" INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	claim TEXT NOT NULL, 
	started_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	outcome TEXT, 
	status INTEGER, 
	message TEXT, 
	balance_id TEXT, request_id TEXT, 
	PRIMARY KEY ("row", n), 
	FOREIGN KEY("row") REFERENCES rows (id)
)
 WITHOUT ROWID

;

CREATE TABLE counts (
	import INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	PRIMARY KEY (import, state), 
	FOREIGN KEY(import) REFERENCES imports (number)
)
 WITHOUT ROWID

;

CREATE TABLE deliveries (
	notice INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	next_at FLOAT, 
	sent_at FLOAT, 
	problem TEXT, 
	PRIMARY KEY (notice, address), 
	FOREIGN KEY(notice) REFERENCES notices (id)
)
 WITHOUT ROWID

;

CREATE TABLE desk_events (
	id INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	who TEXT NOT NULL, 
	who_kind TEXT DEFAULT 'name' NOT NULL, 
	who_email TEXT, 
	who_identity TEXT, 
	what TEXT NOT NULL, 
	detail TEXT DEFAULT '' NOT NULL, form INTEGER, 
	PRIMARY KEY (id)
);

CREATE TABLE desk_keys (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE duplicate_looks (
	"row" INTEGER NOT NULL, 
	ref TEXT NOT NULL, 
	import INTEGER NOT NULL, 
	instance INTEGER NOT NULL, 
	since FLOAT NOT NULL, 
	next_at FLOAT NOT NULL, 
	PRIMARY KEY ("row"), 
	FOREIGN KEY(import) REFERENCES imports (number), 
	FOREIGN KEY("row") REFERENCES rows (id)
)
 WITHOUT ROWID

;

CREATE TABLE events (
	id INTEGER NOT NULL, 
	import INTEGER NOT NULL, 
	"row" INTEGER, 
	at FLOAT NOT NULL, 
	who TEXT NOT NULL, 
	what TEXT NOT NULL, 
	detail TEXT DEFAULT '{}' NOT NULL, who_kind TEXT DEFAULT 'name' NOT NULL, who_email TEXT, who_identity TEXT, form INTEGER, 
	PRIMARY KEY (id), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE home (
	id INTEGER NOT NULL, 
	place TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	PRIMARY KEY (id)
);

CREATE TABLE imports (
	number INTEGER NOT NULL, 
	id TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	instance INTEGER NOT NULL, 
	connection TEXT NOT NULL, 
	file_name TEXT DEFAULT '' NOT NULL, 
	file_path TEXT, 
	file_sha256 TEXT, 
	file_bytes INTEGER, 
	who TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	state TEXT NOT NULL, 
	stage TEXT, 
	stage_progress INTEGER DEFAULT '0' NOT NULL, 
	problem TEXT, 
	options TEXT DEFAULT '{}' NOT NULL, 
	shape TEXT, 
	mapping TEXT, 
	version INTEGER DEFAULT '1' NOT NULL, 
	totals TEXT DEFAULT '{}' NOT NULL, 
	confirmed_by TEXT, 
	confirmed_at FLOAT, 
	paused_by TEXT, 
	paused_reason TEXT, 
	created_from TEXT, 
	ramp INTEGER DEFAULT '0' NOT NULL, 
	has_sent BOOLEAN DEFAULT (false) NOT NULL, 
	finished_at FLOAT, 
	findings TEXT, accepted TEXT DEFAULT '{}' NOT NULL, look_again TEXT, purged_at FLOAT, fixes INTEGER, who_kind TEXT DEFAULT 'name' NOT NULL, confirmed_by_kind TEXT DEFAULT 'name' NOT NULL, who_email TEXT, who_identity TEXT, confirmed_by_email TEXT, confirmed_by_identity TEXT, needs_approval BOOLEAN DEFAULT false NOT NULL, check_token TEXT, 
	PRIMARY KEY (number), 
	FOREIGN KEY(instance) REFERENCES instances (id), 
	UNIQUE (id)
);

CREATE TABLE instances (
	id INTEGER NOT NULL, 
	base_url TEXT NOT NULL, 
	instance_id TEXT NOT NULL, 
	environment TEXT NOT NULL, 
	learned_per_minute FLOAT, 
	not_before FLOAT, 
	breaker TEXT, 
	pages_read_at FLOAT, settle_seconds FLOAT, metadata_shown TEXT, 
	PRIMARY KEY (id)
);

CREATE TABLE kept_files (
	name TEXT NOT NULL, 
	content TEXT NOT NULL, 
	bytes BIGINT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE kept_pieces (
	content TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (content, n)
);

CREATE TABLE known_in_blnk (
	import INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	known TEXT NOT NULL, 
	PRIMARY KEY (import), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE late_looks (
	"row" INTEGER NOT NULL, 
	ref TEXT NOT NULL, 
	import INTEGER NOT NULL, 
	instance INTEGER NOT NULL, 
	since FLOAT NOT NULL, 
	next_at FLOAT, 
	looked_at FLOAT, 
	PRIMARY KEY ("row", ref), 
	FOREIGN KEY(import) REFERENCES imports (number), 
	FOREIGN KEY("row") REFERENCES rows (id)
)
 WITHOUT ROWID

;

CREATE TABLE leases (
	instance INTEGER NOT NULL, 
	token TEXT NOT NULL, 
	seconds FLOAT NOT NULL, 
	since FLOAT NOT NULL, 
	beat_at FLOAT NOT NULL, 
	PRIMARY KEY (instance)
);

CREATE TABLE mappings (
	fingerprint TEXT NOT NULL, 
	name TEXT NOT NULL, 
	mapping TEXT NOT NULL, 
	who TEXT NOT NULL, 
	at FLOAT NOT NULL, who_kind TEXT DEFAULT 'name' NOT NULL, who_email TEXT, who_identity TEXT, 
	PRIMARY KEY (fingerprint, name)
);

CREATE TABLE notes (
	id INTEGER NOT NULL, 
	instance INTEGER NOT NULL, 
	import INTEGER, 
	balance_id TEXT, 
	at FLOAT NOT NULL, 
	who TEXT NOT NULL, 
	text TEXT NOT NULL, who_kind TEXT DEFAULT 'name' NOT NULL, who_email TEXT, who_identity TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(import) REFERENCES imports (number), 
	FOREIGN KEY(instance) REFERENCES instances (id)
);

CREATE TABLE notices (
	id INTEGER NOT NULL, 
	instance INTEGER NOT NULL, 
	import INTEGER, 
	kind TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	facts TEXT NOT NULL, 
	next_at FLOAT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(instance) REFERENCES instances (id), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE people (
	browser TEXT NOT NULL, 
	name TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (browser)
);

CREATE TABLE receipts (
	import INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	told TEXT NOT NULL, 
	results_path TEXT NOT NULL, 
	results_sha256 TEXT NOT NULL, 
	PRIMARY KEY (import, n), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE repairs (
	id INTEGER NOT NULL, 
	import INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	position INTEGER, 
	old TEXT NOT NULL, 
	new TEXT NOT NULL, 
	who TEXT NOT NULL, 
	at FLOAT NOT NULL, who_kind TEXT DEFAULT 'name' NOT NULL, who_email TEXT, who_identity TEXT, batch TEXT DEFAULT '' NOT NULL, salt BLOB, digest TEXT, forgotten BOOLEAN DEFAULT false NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE rows (
	id INTEGER NOT NULL, 
	import INTEGER NOT NULL, 
	instance INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	part TEXT DEFAULT '' NOT NULL, 
	state TEXT NOT NULL, 
	cells TEXT, 
	ledger_id TEXT, 
	currency TEXT, 
	body BLOB, 
	ref TEXT, 
	claim TEXT, 
	tries INTEGER DEFAULT '0' NOT NULL, 
	server_error INTEGER, 
	server_errors INTEGER DEFAULT '0' NOT NULL, 
	waits_for_person BOOLEAN DEFAULT (false) NOT NULL, 
	balance_id TEXT, 
	why TEXT, 
	message TEXT, 
	problems TEXT, 
	changed_at FLOAT NOT NULL, flaws TEXT, own_key BIGINT, twin_key BIGINT, approval BIGINT, approved_body BLOB, 
	PRIMARY KEY (id), 
	FOREIGN KEY(import) REFERENCES imports (number)
);

CREATE TABLE senders (
	token TEXT NOT NULL, 
	owner TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	since FLOAT NOT NULL, 
	beat_at FLOAT NOT NULL, 
	serves TEXT NOT NULL, reaches TEXT, 
	PRIMARY KEY (token)
);

CREATE TABLE sessions (
	id INTEGER NOT NULL, 
	"key" TEXT NOT NULL, 
	provider TEXT NOT NULL, 
	issuer TEXT NOT NULL, 
	subject TEXT NOT NULL, 
	name TEXT NOT NULL, 
	email TEXT NOT NULL, 
	email_verified BOOLEAN NOT NULL, 
	claims TEXT NOT NULL, 
	begun_at FLOAT NOT NULL, 
	seen_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	ended_how TEXT, 
	ended_by TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);

CREATE TABLE stops (
	id INTEGER NOT NULL, 
	instance INTEGER, 
	stopped BOOLEAN NOT NULL, 
	who TEXT NOT NULL, 
	at FLOAT NOT NULL, who_kind TEXT DEFAULT 'name' NOT NULL, who_email TEXT, who_identity TEXT, reason TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(instance) REFERENCES instances (id)
);

CREATE TABLE superseded (
	"row" INTEGER NOT NULL, 
	import INTEGER NOT NULL, 
	was TEXT NOT NULL, 
	PRIMARY KEY ("row"), 
	FOREIGN KEY(import) REFERENCES imports (number), 
	FOREIGN KEY("row") REFERENCES rows (id)
)
 WITHOUT ROWID

;

CREATE TABLE tokens (
	connection_key TEXT NOT NULL, 
	descends_from TEXT NOT NULL, 
	generation INTEGER NOT NULL, 
	sealed BLOB NOT NULL, 
	expires_at FLOAT NOT NULL, 
	PRIMARY KEY (connection_key)
);

CREATE TABLE trail (
	chain INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	event INTEGER, 
	edits TEXT, 
	link TEXT NOT NULL, 
	PRIMARY KEY (chain, n)
)
 WITHOUT ROWID

;

CREATE TABLE trail_heads (
	chain INTEGER NOT NULL, 
	n INTEGER NOT NULL, 
	link TEXT NOT NULL, 
	PRIMARY KEY (chain)
)
 WITHOUT ROWID

;

INSERT INTO "trail_heads" VALUES(0,0,'fc9ae37685f249fdfc7522d683d800b47aff0813352c4c251e8570cf62247510');

CREATE UNIQUE INDEX one_instance ON instances (base_url, instance_id, environment);

CREATE INDEX imports_by_file ON imports (file_sha256);

CREATE INDEX imports_by_state ON imports (state);

CREATE INDEX events_of_import ON events (import, id);

CREATE UNIQUE INDEX one_row_holds_a_balance ON rows (instance, balance_id) WHERE state = 'CREATED';

CREATE UNIQUE INDEX one_row_holds_a_ref ON rows (instance, ref) WHERE state in ('SENDING', 'UNKNOWN', 'CREATED');

CREATE INDEX rows_by_state ON rows (import, state, id);

CREATE INDEX rows_of_import ON rows (import, id);

CREATE INDEX rows_by_number ON rows (import, number);

CREATE INDEX repairs_of_import ON repairs (import, id);

CREATE INDEX notes_of_import ON notes (import, id);

CREATE INDEX notes_of_balance ON notes (instance, balance_id, id);

CREATE INDEX late_looks_due ON late_looks (instance, next_at);

CREATE INDEX late_looks_of_import ON late_looks (import, next_at);

CREATE INDEX rows_with_problems ON rows (import, number) WHERE problems IS NOT NULL;

CREATE INDEX rows_by_own_key ON rows (import, own_key) WHERE own_key IS NOT NULL;

CREATE INDEX rows_by_twin_key ON rows (import, twin_key) WHERE twin_key IS NOT NULL;

CREATE INDEX imports_by_fixed ON imports (fixes);

CREATE INDEX superseded_by_import ON superseded (import);

CREATE INDEX notices_due ON notices (next_at);

CREATE INDEX notices_of_instance ON notices (instance, id);

CREATE INDEX notices_of_import ON notices (import, id);

CREATE INDEX sessions_seen ON sessions (ended_at, seen_at);

CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events can be added to, and not changed'); END;

CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events can be added to, and not changed'); END;

CREATE TRIGGER desk_events_are_never_changed BEFORE UPDATE ON desk_events BEGIN SELECT RAISE(ABORT, 'desk_events can be added to, and not changed'); END;

CREATE TRIGGER desk_events_are_never_deleted BEFORE DELETE ON desk_events BEGIN SELECT RAISE(ABORT, 'desk_events can be added to, and not changed'); END;

CREATE TRIGGER trail_are_never_changed BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, 'trail can be added to, and not changed'); END;

CREATE TRIGGER trail_are_never_deleted BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'trail can be added to, and not changed'); END;

CREATE TRIGGER repairs_are_never_changed BEFORE UPDATE OF id, import, "number", "position", who, who_kind, who_email, who_identity, at, batch, digest ON repairs BEGIN SELECT RAISE(ABORT, 'repairs can be added to, and not changed'); END;

CREATE TRIGGER repairs_are_never_deleted BEFORE DELETE ON repairs BEGIN SELECT RAISE(ABORT, 'repairs can be added to, and not changed'); END;

CREATE TRIGGER events_are_linked BEFORE INSERT ON events WHEN NEW.form IS NULL BEGIN SELECT RAISE(ABORT, 'events are written by an earlier version'); END;

CREATE TRIGGER desk_events_are_linked BEFORE INSERT ON desk_events WHEN NEW.form IS NULL BEGIN SELECT RAISE(ABORT, 'desk_events are written by an earlier version'); END;

CREATE TRIGGER repairs_are_linked BEFORE INSERT ON repairs WHEN NEW.digest IS NULL BEGIN SELECT RAISE(ABORT, 'repairs are written by an earlier version'); END;

CREATE INDEX approvals_of_import ON approvals (import, id);

CREATE INDEX approvals_by_state ON approvals (state, lapses_at);

CREATE TRIGGER events_are_never_replaced BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'events can be added to, and not changed'); END;

CREATE TRIGGER desk_events_are_never_replaced BEFORE INSERT ON desk_events WHEN EXISTS (SELECT 1 FROM desk_events WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'desk_events can be added to, and not changed'); END;

CREATE TRIGGER repairs_are_never_replaced BEFORE INSERT ON repairs WHEN EXISTS (SELECT 1 FROM repairs WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'repairs can be added to, and not changed'); END;

CREATE TRIGGER trail_are_never_replaced BEFORE INSERT ON trail WHEN EXISTS (SELECT 1 FROM trail WHERE chain = NEW.chain AND n = NEW.n) BEGIN SELECT RAISE(ABORT, 'trail can be added to, and not changed'); END;

CREATE INDEX duplicate_looks_due ON duplicate_looks (instance, next_at);

CREATE INDEX rows_by_block_and_ref ON rows (import, number / 100000, ref);
