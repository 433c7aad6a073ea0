package memory_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"doorward/internal/builtin/sql/memory"
)

// TestPOL29Account: a connection has what its account has, others go on, and a closed account
// leaves nothing counted.
func TestPOL29Account(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	open := func() *sql.Conn {
		c, err := db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	bounded, other := open(), open()
	defer func() { _ = other.Close() }()
	var account *memory.Account
	if err := bounded.Raw(func(conn any) (err error) {
		account, err = memory.Open(conn, 1<<20)
		if _, twice := memory.Open(conn, 1<<20); !errors.Is(twice, memory.ErrUnbounded) {
			t.Errorf("a second account: %v", twice)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	const much = "SELECT length(zeroblob(500000) || zeroblob(500001))"
	for range 3 {
		if _, err := bounded.ExecContext(t.Context(), much); err == nil || !strings.Contains(err.Error(), "out of memory") || !account.Refused() {
			t.Errorf("more than there may be: %v, refused %v", err, account.Refused())
		}
		if _, err := bounded.ExecContext(t.Context(), "SELECT length(zeroblob(300000) || zeroblob(100000))"); err != nil {
			t.Errorf("as much as there may be: %v", err)
		}
		if _, err := other.ExecContext(t.Context(), much); err != nil {
			t.Errorf("without an account: %v", err)
		}
	}
	if memory.Used() <= 0 {
		t.Error("nothing is counted")
	}
	_ = bounded.Close()
	account.Close()
	if n := memory.Used(); n != 0 {
		t.Errorf("%d bytes are counted for nobody", n)
	}
}

// What is no connection of the driver has no account: nothing is run without one.
func TestPOL29NoConnection(t *testing.T) {
	type none struct{ TLS int }
	for _, conn := range []any{nil, 1, &none{}, struct{}{}} {
		if _, err := memory.Open(conn, 1); !errors.Is(err, memory.ErrUnbounded) {
			t.Errorf("%T: %v", conn, err)
		}
	}
}
