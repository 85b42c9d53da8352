/**
 * The library's tables, and how an older database becomes a current one.
 *
 * The tables lie in `library.db` beside the queue's, on the same connection, so that a task's state, its ledger
 * row and its catalog row change in one transaction. The counters are kept by triggers: no function can forget
 * them, and the ledger's balance is one small read. Steps go forward only; each is one transaction.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { HeirloomError } from '../errors.ts'
import { atomically } from './statements.ts'

const COMPONENT = 'library'

/** Thrown when the database was written by a newer version of this program. */
export class NewerSchemaError extends HeirloomError {
  readonly code = 'library/newer-schema'
  readonly recovery = 'discard'

  constructor(found: number, known: number) {
    super(`library.db has schema version ${found}, this version of heirloom knows ${known}`, {
      hint: 'Run the heirloom version that last wrote this library, or a newer one.',
    })
  }
}

/** Step n brings a database from version n to n + 1. Never edited once released: add a step. */
const STEPS: readonly string[] = [
  `
  -- One row: which library this is the database of.
  CREATE TABLE library (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,                   -- equal to the one in the library's folder
    root TEXT NOT NULL                  -- where that folder was at the last run
  ) STRICT;

  -- One row an export, known by its name: the same export again, or with a part more, is the same row.
  CREATE TABLE exports (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL,               -- folder in the library: safe on every system
    folder_folded TEXT NOT NULL UNIQUE, -- unique where case and normalization are not told apart
    inputs TEXT NOT NULL,               -- JSON array of absolute paths, as of the last run
    inputs_changed INTEGER NOT NULL DEFAULT 0, -- since the last plan
    listing_digest TEXT,                -- of all paths and fingerprints; equal means nothing changed
    status TEXT NOT NULL CHECK (status IN ('open', 'planned', 'finished')),
    run INTEGER NOT NULL,               -- counts the times that it was opened
    first_seen_at INTEGER NOT NULL,     -- epoch milliseconds
    opened_at INTEGER NOT NULL,
    finished_at INTEGER,
    files_listed INTEGER,               -- in the last complete listing
    bytes_listed INTEGER,
    problems TEXT NOT NULL DEFAULT '[]' -- JSON array of {code, message}: of the export as a whole
  ) STRICT;

  -- The catalog: one row for each different content that was placed.
  CREATE TABLE assets (
    id INTEGER PRIMARY KEY,
    source_sha1 BLOB NOT NULL UNIQUE CHECK (length(source_sha1) = 20),
    written_sha1 BLOB NOT NULL CHECK (length(written_sha1) = 20),
    path TEXT NOT NULL UNIQUE,          -- relative to the library, '/' between segments
    path_folded TEXT NOT NULL UNIQUE,
    stem_folded TEXT NOT NULL,          -- path without role suffix and extension: shared by companions
    sidecar_path TEXT UNIQUE,           -- the .xmp beside it
    sidecar_sha1 BLOB,
    size_bytes INTEGER NOT NULL,        -- as written
    source_size_bytes INTEGER NOT NULL,
    format TEXT NOT NULL,               -- as identified by content
    mime TEXT NOT NULL,
    platform TEXT NOT NULL,
    export_id INTEGER NOT NULL REFERENCES exports (id),
    role TEXT NOT NULL CHECK (role IN ('primary', 'edited', 'live-video', 'motion-video', 'raw', 'overlay',
      'edit-instructions')),
    primary_asset_id INTEGER REFERENCES assets (id) ON DELETE SET NULL,
    taken_at INTEGER,                   -- epoch milliseconds; all null when nothing tells the time
    taken_local TEXT,                   -- YYYY-MM-DDTHH:mm:ss[.SSS], where it was taken
    taken_offset_minutes INTEGER,
    taken_precision TEXT,
    taken_source TEXT,
    taken_detail TEXT,
    taken_zone TEXT,
    camera_local TEXT,                  -- date in the file, where taken_local is another one
    latitude REAL,
    longitude REAL,
    altitude_m REAL,
    caption TEXT,
    keywords TEXT NOT NULL DEFAULT '[]', -- JSON array; hierarchical ones have '|' between their levels
    rating INTEGER,
    original_name TEXT,
    favourite INTEGER NOT NULL DEFAULT 0,
    archived INTEGER NOT NULL DEFAULT 0,
    trashed INTEGER NOT NULL DEFAULT 0,
    shared INTEGER NOT NULL DEFAULT 0,
    people TEXT NOT NULL DEFAULT '[]',  -- JSON array of names
    width_px INTEGER,
    height_px INTEGER,
    problems TEXT NOT NULL DEFAULT '[]', -- JSON array of {code, message}: truncated and such
    created_at INTEGER NOT NULL
  ) STRICT;
  -- Two items never share a stem, else their files would look like companions of each other.
  CREATE UNIQUE INDEX assets_stem ON assets (stem_folded) WHERE role = 'primary';
  CREATE INDEX assets_by_primary ON assets (primary_asset_id) WHERE primary_asset_id IS NOT NULL;
  CREATE INDEX assets_with_camera ON assets (id) WHERE camera_local IS NOT NULL;
  CREATE INDEX assets_with_problems ON assets (id) WHERE problems <> '[]';

  -- Exports whose copy knows more of an asset than its placed file says.
  CREATE TABLE catalog_only (
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    export_id INTEGER NOT NULL REFERENCES exports (id),
    PRIMARY KEY (asset_id, export_id)
  ) STRICT, WITHOUT ROWID;

  -- The ledger: one row for each file found in an export. A null outcome is still open.
  CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    export_id INTEGER NOT NULL REFERENCES exports (id),
    path TEXT NOT NULL,                 -- in the export, exactly as it spells it
    size_bytes INTEGER NOT NULL,
    modified_at INTEGER,
    fingerprint TEXT NOT NULL,          -- equal means: not changed since the last run
    knowledge TEXT,                     -- digest of what the export tells of a media file
    run INTEGER NOT NULL,               -- the export's run that saw it last
    outcome TEXT CHECK (outcome IN ('imported', 'duplicate', 'sidecar', 'ignored', 'failed')),
    reason_code TEXT,
    reason TEXT,
    asset_id INTEGER REFERENCES assets (id),
    prior_outcome TEXT,                 -- of a placed file that is open again because more is known of it
    platform TEXT,
    task_id INTEGER,
    pairing TEXT,                       -- JSON {sidecar, rule, runnerUp?, ambiguous}
    ambiguous INTEGER NOT NULL DEFAULT 0,
    settled_at INTEGER,
    UNIQUE (export_id, path)
  ) STRICT;
  CREATE INDEX files_by_asset ON files (asset_id) WHERE asset_id IS NOT NULL;
  CREATE INDEX files_failed ON files (export_id, id) WHERE outcome = 'failed';
  CREATE INDEX files_open ON files (export_id, id) WHERE outcome IS NULL;
  CREATE INDEX files_ambiguous ON files (export_id, id) WHERE ambiguous = 1;

  -- The ledger's sums: outcome 'open' stands for null.
  CREATE TABLE file_counts (
    export_id INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (export_id, outcome)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER files_counted AFTER INSERT ON files BEGIN
    INSERT INTO file_counts VALUES (new.export_id, coalesce(new.outcome, 'open'), 1, new.size_bytes)
      ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER files_recounted AFTER UPDATE OF outcome, size_bytes, export_id ON files
  WHEN old.outcome IS NOT new.outcome OR old.size_bytes <> new.size_bytes OR old.export_id <> new.export_id
  BEGIN
    UPDATE file_counts SET files = files - 1, bytes = bytes - old.size_bytes
      WHERE export_id = old.export_id AND outcome = coalesce(old.outcome, 'open');
    INSERT INTO file_counts VALUES (new.export_id, coalesce(new.outcome, 'open'), 1, new.size_bytes)
      ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER files_uncounted AFTER DELETE ON files BEGIN
    UPDATE file_counts SET files = files - 1, bytes = bytes - old.size_bytes
      WHERE export_id = old.export_id AND outcome = coalesce(old.outcome, 'open');
  END;

  CREATE TABLE albums (
    id INTEGER PRIMARY KEY,
    export_id INTEGER NOT NULL REFERENCES exports (id),
    key TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    latitude REAL,
    longitude REAL,
    altitude_m REAL,
    UNIQUE (export_id, key)
  ) STRICT;
  CREATE TABLE album_assets (
    album_id INTEGER NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    PRIMARY KEY (album_id, asset_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX album_assets_by_asset ON album_assets (asset_id);

  -- Decided but perhaps not yet done: link "temp" to "final". Replayed at start-up.
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    part TEXT NOT NULL CHECK (part IN ('media', 'sidecar')),
    temp TEXT NOT NULL,                 -- object names of the storage
    final TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha1 BLOB NOT NULL,
    blocked TEXT                        -- JSON {code, message}: why the last try could not do it
  ) STRICT;
  CREATE INDEX outbox_by_asset ON outbox (asset_id);

  -- What a person should know: of the reading (replaced by each run), of placing a file (which is not repeated), or
  -- of what start-up mended.
  CREATE TABLE remarks (
    id INTEGER PRIMARY KEY,
    export_id INTEGER REFERENCES exports (id),
    origin TEXT NOT NULL CHECK (origin IN ('reading', 'placing', 'recovery')),
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    path TEXT
  ) STRICT;
  CREATE INDEX remarks_by_export ON remarks (export_id);

  -- A user's account on an Immich server. Ids of the server mean nothing for another user.
  CREATE TABLE servers (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,              -- without key, as of the last run
    user_id TEXT,                       -- the server's own; null when the key may not tell
    used_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX servers_by_user ON servers (user_id) WHERE user_id IS NOT NULL;
  CREATE UNIQUE INDEX servers_by_address ON servers (address) WHERE user_id IS NULL;

  -- What became of each content on a server; a content without a row has yet to be asked about.
  CREATE TABLE uploads (
    server_id INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('uploaded', 'present', 'trashed', 'unsupported', 'failed')),
    remote_id TEXT,
    sha1 BLOB CHECK (length(sha1) = 20), -- under which the server has it: as written, or as in the export
    error TEXT,                         -- JSON {code, message, ...}
    told_favourite INTEGER,             -- what the server was told of it; null: nothing yet
    told_archived INTEGER,
    told_caption TEXT,
    told_rating INTEGER,
    settled_at INTEGER NOT NULL,
    PRIMARY KEY (server_id, asset_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX uploads_by_asset ON uploads (asset_id);

  -- Albums as the server shall have them, known by their name: equal names of several exports are one album.
  -- 'intended' is written before the server is asked to make one, since a lost answer may mean that it did.
  CREATE TABLE server_albums (
    id INTEGER PRIMARY KEY,
    server_id INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT,
    state TEXT NOT NULL CHECK (state IN ('planned', 'intended', 'linked')),
    remote_id TEXT,
    UNIQUE (server_id, name)
  ) STRICT;
  CREATE TABLE server_album_assets (
    album_id INTEGER NOT NULL REFERENCES server_albums (id) ON DELETE CASCADE,
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('planned', 'done', 'refused')),
    PRIMARY KEY (album_id, asset_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX server_album_assets_planned ON server_album_assets (album_id, asset_id) WHERE state = 'planned';
  CREATE INDEX server_album_assets_by_asset ON server_album_assets (asset_id);

  -- Pictures that belong together; 'left': somebody has put them into another stack on the server.
  CREATE TABLE server_stacks (
    server_id INTEGER NOT NULL REFERENCES servers (id) ON DELETE CASCADE,
    asset_id INTEGER NOT NULL REFERENCES assets (id) ON DELETE CASCADE, -- the item's primary
    members TEXT NOT NULL,              -- JSON array of asset ids, the one that is shown first
    state TEXT NOT NULL CHECK (state IN ('planned', 'intended', 'done', 'left')),
    remote_id TEXT,
    PRIMARY KEY (server_id, asset_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX server_stacks_open ON server_stacks (server_id, asset_id) WHERE state IN ('planned', 'intended');
  CREATE INDEX server_stacks_by_asset ON server_stacks (asset_id);
  `,
  `
  -- Thumbnails, by the content that they were made of and by style ('jpeg-q85'): of library files, of what the server
  -- was given, and of plain files alike. A set is settled with its sizes in one transaction.
  CREATE TABLE thumbnail_sets (
    id INTEGER PRIMARY KEY,
    sha1 BLOB NOT NULL CHECK (length(sha1) = 20),
    style TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'failed', 'unsupported')),
    width_px INTEGER,                   -- of the upright picture
    height_px INTEGER,
    thumbhash BLOB,
    error TEXT,                         -- JSON {code, message}
    settled_at INTEGER NOT NULL,        -- epoch milliseconds
    UNIQUE (sha1, style)
  ) STRICT;
  CREATE INDEX thumbnail_sets_newest ON thumbnail_sets (settled_at, id) WHERE state = 'done';
  CREATE TABLE thumbnails (
    set_id INTEGER NOT NULL REFERENCES thumbnail_sets (id) ON DELETE CASCADE,
    size INTEGER NOT NULL,              -- longest edge that was asked for, in pixels
    store TEXT NOT NULL,                -- 'local', or s3://bucket/prefix
    object_name TEXT NOT NULL,
    mime TEXT NOT NULL,
    width_px INTEGER NOT NULL,
    height_px INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (set_id, size)
  ) STRICT, WITHOUT ROWID;

  -- Plain files whose content is known as long as size and time stay: a second run does not read them.
  CREATE TABLE hashed_files (
    path TEXT PRIMARY KEY,              -- absolute
    size_bytes INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,       -- epoch milliseconds
    sha1 BLOB NOT NULL CHECK (length(sha1) = 20)
  ) STRICT, WITHOUT ROWID;

  -- What the thumbnails of a plain file are called in the folder that the user named, decided once.
  CREATE TABLE thumbnail_names (
    path TEXT PRIMARY KEY,              -- of the picture, absolute
    stem TEXT NOT NULL,                 -- relative to that folder, '/' between segments, without size and extension
    stem_folded TEXT NOT NULL UNIQUE    -- unique where case and normalization are not told apart
  ) STRICT, WITHOUT ROWID;

  -- What the server was given: one row for each different content.
  CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    sha1 BLOB NOT NULL UNIQUE CHECK (length(sha1) = 20),
    store TEXT NOT NULL,                -- 'local', or s3://bucket/prefix
    object_name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    format TEXT NOT NULL,               -- as identified by content
    mime TEXT NOT NULL,
    created_at INTEGER NOT NULL,        -- epoch milliseconds
    UNIQUE (store, object_name)
  ) STRICT;
  CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES folders (id) ON DELETE RESTRICT,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX folders_by_name ON folders (coalesce(parent_id, 0), name);
  INSERT INTO folders VALUES (1, NULL, 'Uploads', 0);
  CREATE TABLE folder_photos (
    folder_id INTEGER NOT NULL REFERENCES folders (id) ON DELETE RESTRICT,
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    file_name TEXT NOT NULL,            -- as the uploader called it; to be shown, never a path
    added_at INTEGER NOT NULL,          -- epoch milliseconds
    PRIMARY KEY (folder_id, photo_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX folder_photos_by_photo ON folder_photos (photo_id);

  -- Objects that are being put, and are nothing yet: what a crash left is removed at the next start.
  CREATE TABLE intended_objects (
    store TEXT NOT NULL,
    object_name TEXT NOT NULL,
    created_at INTEGER NOT NULL,        -- epoch milliseconds
    PRIMARY KEY (store, object_name)
  ) STRICT, WITHOUT ROWID;

  -- The server calls a picture by the hash of its bytes as they lie in the library.
  CREATE INDEX assets_by_written_sha1 ON assets (written_sha1);
  `,
]

/** The version that this program writes. */
export const LIBRARY_SCHEMA_VERSION: number = STEPS.length

/**
 * Brings the library's tables up to date; does nothing when they are.
 *
 * @throws {@link NewerSchemaError} when the database is ahead of this program; nothing is changed then.
 */
export function migrateLibrary(db: DatabaseSync): void {
  db.exec('CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL)')
  const found = schemaVersion(db)
  if (found > STEPS.length) throw new NewerSchemaError(found, STEPS.length)
  for (const [index, step] of STEPS.entries()) {
    if (index < found) continue
    atomically(db, () => {
      db.exec(step)
      db.prepare(
        `INSERT INTO schema_versions VALUES (?, ?)
         ON CONFLICT (component) DO UPDATE SET version = excluded.version`,
      ).run(COMPONENT, index + 1)
    })
  }
}

/**
 * Makes sure that the library's tables can be read as they are. Those of an older version can: no step has altered
 * what an earlier one made.
 *
 * @returns False when the database has none of the library's tables.
 * @throws {@link NewerSchemaError} when the database is ahead of this program.
 */
export function isReadableLibrary(db: DatabaseSync): boolean {
  const versions = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_versions'").get()
  if (versions === undefined) return false
  const found = schemaVersion(db)
  if (found > STEPS.length) throw new NewerSchemaError(found, STEPS.length)
  return found > 0
}

function schemaVersion(db: DatabaseSync): number {
  const row = db.prepare('SELECT version FROM schema_versions WHERE component = ?').get(COMPONENT)
  return row === undefined ? 0 : Number(row['version'])
}
