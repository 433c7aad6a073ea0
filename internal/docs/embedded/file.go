// Package embedded keeps documents in one file of SQLite: vectors with sqlite-vec, words
// with FTS5. The gateway reads it while the command line writes to it.
package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
	_ "modernc.org/sqlite/vec" // vec0, on every connection that is made

	"doorward/internal/docs"
)

// What the header of the file says: documents of ours, and the version of its format.
const (
	applicationID = 0x44574443 // "DWDC"
	format        = 2
)

// layout is the file's own. Each generation has tables of its own besides: tables. Its state
// is drawn anew with each change, so that no two states of any file have the same.
const layout = `CREATE TABLE generations (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, made TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL)`

// tables are those of a generation: %[1]d its number, %[2]d dimensions, %[3]d how many
// vectors lie together. Words has no texts of its own.
const tables = `
CREATE TABLE documents_%[1]d (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, source TEXT NOT NULL, origin TEXT NOT NULL, title TEXT NOT NULL, type TEXT NOT NULL,
 size INTEGER NOT NULL, modified INTEGER, digest BLOB NOT NULL, roles TEXT, findings TEXT);
CREATE INDEX sources_%[1]d ON documents_%[1]d (source);
CREATE TABLE readers_%[1]d (role TEXT NOT NULL, document INTEGER NOT NULL, PRIMARY KEY (role, document)) WITHOUT ROWID;
CREATE INDEX readers_of_%[1]d ON readers_%[1]d (document);
CREATE TABLE passages_%[1]d (id INTEGER PRIMARY KEY, document INTEGER NOT NULL, name TEXT NOT NULL, heading TEXT NOT NULL, start INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX passages_of_%[1]d ON passages_%[1]d (document);
CREATE INDEX documents_of_%[1]d ON passages_%[1]d (id, document);
CREATE VIRTUAL TABLE words_%[1]d USING fts5 (title, heading, text, content='', contentless_delete=1, tokenize='porter unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE vectors_%[1]d USING vec0 (vector float[%[2]d] distance_metric=cosine, chunk_size=%[3]d);`

// together is how many vectors of those dimensions lie together and are read at a time: 2
// MiB of them, within what sqlite-vec takes (a multiple of 8, 1024 by itself).
func together(dimensions int) int {
	const size = 2 << 20
	return max(8, min(1024, size/4/dimensions/8*8))
}

// removed are the tables of a generation, to be dropped.
func removed(number int64) string {
	return fmt.Sprintf("DROP TABLE documents_%[1]d; DROP TABLE readers_%[1]d; DROP TABLE passages_%[1]d; DROP TABLE words_%[1]d; DROP TABLE vectors_%[1]d;", number)
}

// errForeign is that of a file that is not one of ours. It is never changed.
var errForeign = errors.New("the file holds no documents of Doorward's, or those of another version: give it another name, or remove it and ingest again")

// conns bounds the connections that read at a time, each with 2 MB of cache.
const conns = 4

// waits is how long a connection waits for another's transaction, which is one document's.
const waits = "busy_timeout(5000)"

// source is the name by which SQLite opens a file.
func source(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_defensive": {"1"}, "_dqs": {"0"}}
	q["_pragma"] = append([]string{"trusted_schema(0)", "cell_size_check(1)"}, pragmas...)
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// openToRead opens a file that is there.
func openToRead(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", source(path, "ro", waits, "query_only(1)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	if err := ours(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openToWrite opens a file, or makes it. Whoever calls it holds the lock of the writer.
func openToWrite(ctx context.Context, path string) (*sql.DB, error) {
	if err := claim(path); err != nil {
		return nil, err
	}
	// What is removed is overwritten with zeros and given back to the file system.
	db, err := sql.Open("sqlite", source(path, "rw", waits, "auto_vacuum(1)", "journal_mode(wal)", "synchronous(normal)", "secure_delete(1)"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// claim makes an empty file for the gateway's user alone where there is none, and refuses
// what is no regular file.
func claim(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errForeign
	default:
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return touch(path)
}

// touch makes an empty file where there is none. One that is there is not opened: on POSIX
// systems closing it again would end the locks that this process has on it.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// prepare makes the layout in an empty file.
func prepare(ctx context.Context, db *sql.DB) error {
	var pages int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&pages); err != nil {
		return fault(err)
	}
	if pages > 0 {
		return ours(ctx, db)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left of it after Commit
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = %d", layout, applicationID, format)); err != nil {
		return err
	}
	return tx.Commit()
}

// ours tells whether a file is one of ours; ErrEmpty: nothing was written to it yet.
func ours(ctx context.Context, db *sql.DB) error {
	var id, version int
	if err := db.QueryRowContext(ctx, "SELECT a.application_id, u.user_version FROM pragma_application_id a, pragma_user_version u").Scan(&id, &version); err != nil {
		return fault(err)
	}
	switch {
	case id == 0 && version == 0:
		var tables int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return fault(err)
		}
		if tables == 0 {
			return docs.ErrEmpty
		}
		return errForeign
	case id != applicationID || version != format:
		return errForeign
	}
	return nil
}

// fault says what an error of SQLite's means, where it is known what there is to do.
func fault(err error) error {
	said, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch said.Code() & 0xff {
	case lib.SQLITE_NOTADB:
		return errForeign
	case lib.SQLITE_CORRUPT:
		return fmt.Errorf("the file of the documents is damaged: remove it and ingest again: %w", err)
	case lib.SQLITE_FULL:
		return fmt.Errorf("there is no room for the documents: %w", err)
	}
	return err
}
