package embedded

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"doorward/internal/docs"
)

// turn is the right to write to a file, which one has at a time: a write transaction in an
// empty file beside it that never ends with anything. The operating system takes it back
// from a process that ends.
type turn struct {
	db   *sql.DB
	conn *sql.Conn
}

// turnFile is the name of the file of turns beside the one that is written.
const turnFile = ".writer"

// take takes the right; ErrBusy where somebody else has it.
func take(ctx context.Context, path string) (*turn, error) {
	path += turnFile
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := touch(path); err != nil {
		return nil, err
	}
	return lock(ctx, path)
}

func lock(ctx context.Context, path string) (*turn, error) {
	db, err := sql.Open("sqlite", source(path, "rw", "busy_timeout(0)"))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	}
	if err == nil {
		return &turn{db, conn}, nil
	}
	if said, ok := errors.AsType[*sqlite.Error](err); ok && said.Code()&0xff == lib.SQLITE_BUSY {
		err = docs.ErrBusy
	}
	if conn != nil {
		_ = conn.Close() // with its error in err
	}
	return nil, errors.Join(err, db.Close())
}

// end gives the right back.
func (t *turn) end() error { return errors.Join(t.conn.Close(), t.db.Close()) }
