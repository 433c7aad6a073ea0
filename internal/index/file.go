package index

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// What the header of the file says: an index of ours, and the version of its format.
const (
	applicationID = 0x44574958 // "DWIX"
	format        = 1
)

// errForeign means that a file is of another log, of another format, or no index.
var errForeign = errors.New("it is no index of this log")

// layout is the file's format. A part's lists lie under its first number times
// lists, and the bucket's: those of exact terms first, then those of texts.
const layout = `
CREATE TABLE log (id INTEGER PRIMARY KEY CHECK (id = 1), first BLOB NOT NULL);
CREATE TABLE parts (first INTEGER PRIMARY KEY, segment INTEGER NOT NULL, head BLOB NOT NULL, blocks BLOB NOT NULL);
CREATE INDEX parts_of ON parts (segment);
CREATE TABLE lists (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE segments (number INTEGER PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL);`

const lists = 2 * buckets

// isDamage tells whether an index is such that only another one helps.
func isDamage(err error) bool {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		code := e.Code() & 0xff // without what an extended code adds
		return code == lib.SQLITE_CORRUPT || code == lib.SQLITE_NOTADB
	}
	return errors.Is(err, errDamaged) || errors.Is(err, errForeign) || errors.Is(err, sql.ErrNoRows)
}

// Path is where the index of a log is: beside its directory. That of data_dir/audit is
// data_dir/index.db.
func Path(logDir string) string {
	dir, name := filepath.Split(filepath.Clean(logDir))
	if rest, ok := strings.CutPrefix(name, "audit"); ok {
		return filepath.Join(dir, "index"+rest+".db")
	}
	return filepath.Join(dir, "index-"+name+".db")
}

// Remove takes an index away, with what SQLite keeps beside it.
func Remove(path string) error {
	var errs []error
	for _, end := range [...]string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// source is the name by which SQLite opens a file. What an answer rests on has checksums
// of our own.
func source(path, mode string, pragmas ...string) string {
	q := url.Values{"mode": {mode}, "_defensive": {"1"}, "_dqs": {"0"}}
	q["_pragma"] = append([]string{"busy_timeout(5000)", "trusted_schema(0)", "cell_size_check(1)"}, pragmas...)
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

func open(name string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// openToRead opens an index that is there and of the log whose first line has that digest.
func openToRead(ctx context.Context, path string, first [32]byte) (*sql.DB, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errForeign
	}
	db, err := open(source(path, "ro", "query_only(1)"))
	if err != nil {
		return nil, err
	}
	if err := fits(ctx, db, first); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// fits tells whether a file is an index of the log.
func fits(ctx context.Context, db *sql.DB, first [32]byte) error {
	var id, version int
	var of []byte
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if id != applicationID || version != format {
		return errForeign
	}
	if err := db.QueryRowContext(ctx, "SELECT first FROM log WHERE id = 1").Scan(&of); err != nil {
		return err
	}
	of, err := unsealed(0, of)
	if err == nil && !bytes.Equal(of, first[:]) {
		err = errForeign
	}
	return err
}

// openToWrite opens an index, or makes one. What is there and cannot be used is removed.
func openToWrite(ctx context.Context, path string, first [32]byte) (db *sql.DB, removed, err error) {
	if _, err := os.Lstat(path); err == nil {
		db, removed = reopen(ctx, path, first)
		if removed == nil {
			return db, nil, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := Remove(path); err != nil {
			return nil, nil, err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, removed, err
	}
	if err := f.Close(); err != nil {
		return nil, removed, err
	}
	if db, err = open(source(path, "rw", writing()...)); err != nil {
		return nil, removed, err
	}
	if err := create(ctx, db, first); err != nil {
		return nil, removed, errors.Join(err, db.Close())
	}
	return db, removed, nil
}

// writing is how a file is written. A page that is freed is overwritten with zeros, and given
// back to the file system.
func writing() []string {
	return []string{"auto_vacuum(1)", "journal_mode(wal)", "synchronous(normal)", "secure_delete(1)", "wal_autocheckpoint(1000)"}
}

func reopen(ctx context.Context, path string, first [32]byte) (*sql.DB, error) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errForeign)
	}
	db, err := open(source(path, "rw", writing()...))
	if err != nil {
		return nil, err
	}
	if err := fits(ctx, db, first); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func create(ctx context.Context, db *sql.DB, first [32]byte) error {
	if _, err := db.ExecContext(ctx, layout); err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "INSERT INTO log (id, first) VALUES (1, ?)", sealed(0, first[:])); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, format))
	return err
}

// idOf is the key of a list of a part.
func idOf(first uint64, list int) int64 { return int64(first)*lists + int64(list) } //nolint:gosec // a number is below 2^53

// put writes a part.
func put(ctx context.Context, db *sql.DB, p *part) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left of it after Commit
	key := idOf(p.first, 0)
	_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO parts (first, segment, head, blocks) VALUES (?, ?, ?, ?)", int64(p.first), p.last.Segment, //nolint:gosec // a number is below 2^53
		sealed(key, p.append(nil)), sealed(key, appendBlocks(nil, p.all)))
	if err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT OR REPLACE INTO lists (id, data) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }() // each Exec has told what went wrong
	for i, of := range [...][buckets][]byte{packed(p.exact), packed(p.text)} {
		for j, data := range of {
			id := idOf(p.first, i*buckets+j)
			if _, err := insert.ExecContext(ctx, id, sealed(id, data)); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// drop takes a part away.
func drop(ctx context.Context, db *sql.DB, first uint64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left of it after Commit
	if _, err := tx.ExecContext(ctx, "DELETE FROM lists WHERE id >= ? AND id < ?", idOf(first, 0), idOf(first, lists)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM parts WHERE first = ?", int64(first)); err != nil { //nolint:gosec // a number is below 2^53
		return err
	}
	return tx.Commit()
}

// reads is what reads an index: a database or a transaction.
type reads interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// heads are the parts of an index, ascending, without those that are damaged or overlap
// the one before: what they cover is scanned.
func heads(ctx context.Context, db reads) (all []head, damaged bool, err error) {
	rows, err := db.QueryContext(ctx, "SELECT first, head FROM parts ORDER BY first")
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = rows.Close() }() // Err has told what went wrong
	before := uint64(1)
	for rows.Next() {
		var first int64
		var data []byte
		if err := rows.Scan(&first, &data); err != nil {
			return nil, false, err
		}
		data, err := unsealed(idOf(uint64(first), 0), data) //nolint:gosec // its checksum fits only what was written
		var h head
		if err == nil {
			h, err = parseHead(uint64(first), data) //nolint:gosec // the same
		}
		if err != nil || h.first < before {
			damaged = true
			continue
		}
		before = h.next
		all = append(all, h)
	}
	return all, damaged, rows.Err()
}

// blocksOf reads where the records of a part are.
func blocksOf(ctx context.Context, db reads, h *head) ([]block, error) {
	var data []byte
	err := db.QueryRowContext(ctx, "SELECT blocks FROM parts WHERE first = ?", int64(h.first)).Scan(&data) //nolint:gosec // a number is below 2^53
	if err == nil {
		data, err = unsealed(idOf(h.first, 0), data)
	}
	if err != nil {
		return nil, err
	}
	return h.parseBlocks(data)
}
