package store_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"doorward/internal/store"
	"doorward/internal/store/storetest"
)

func migratedAtOnce(t *testing.T, h *storetest.Home) {
	done := make(chan error, 6)
	for range 6 {
		go func() {
			p, err := store.OpenPostgres(t.Context(), store.PostgresConfig{DSN: h.DSN(), Schema: h.Name})
			if err == nil {
				err = p.Close()
			}
			done <- err
		}()
	}
	for range 6 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := h.Do("SELECT count(*) FROM migrations"); n[0] != "1" {
		t.Errorf("%s migrations", n[0])
	}
}

// with are the migrations of this version and one more.
func with(t *testing.T, text string) fs.FS {
	t.Helper()
	first, err := fs.ReadFile(store.Migrations(), "migrations/0001_lists.sql")
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"migrations/0001_lists.sql": {Data: first}, "migrations/0002_more.sql": {Data: []byte(text)}}
}

// A migration that is killed half way has changed nothing, and the next start does it.
func interruptedMigration(t *testing.T, h *storetest.Home) {
	p := openPostgres(t, h)
	h.Do("CREATE TABLE pace AS SELECT 60 AS seconds")
	h.Do("GRANT SELECT ON pace TO " + h.Name)
	files := with(t, "CREATE TABLE half (x int); SELECT pg_sleep(seconds) FROM pace; CREATE TABLE whole (x int);")
	done := make(chan error, 1)
	go func() { done <- store.MigratePostgres(t.Context(), p, files) }()
	storetest.Eventually(t, 5*time.Second, "it is half way", func() bool {
		return h.Do("SELECT count(*) FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'", h.Name)[0] == "1"
	})
	h.End()
	if err := <-done; err == nil {
		t.Error("it was not interrupted")
	}
	if there := h.Do("SELECT to_regclass('half') IS NULL")[0]; there != "true" {
		t.Error("half of it is there")
	}
	h.Do("UPDATE pace SET seconds = 0")
	if err := store.MigratePostgres(t.Context(), openPostgres(t, h), files); err != nil {
		t.Error(err)
	}
	if there := h.Do("SELECT to_regclass('whole') IS NOT NULL")[0]; there != "true" {
		t.Error("the second time did not do it")
	}
}

// A gateway of the version before goes on, and starts, while a later one has changed the
// tables, unless that says that it cannot; other statements of the same number are refused.
func versionsOfTables(t *testing.T, h *storetest.Home) {
	before := openRevokedIn(t, h, nil)
	revoke(t, before, "alice")
	p := openPostgres(t, h)
	if err := store.MigratePostgres(t.Context(), p, with(t, "ALTER TABLE entries ADD COLUMN note text NOT NULL DEFAULT '';")); err != nil {
		t.Fatal(err)
	}
	revoke(t, before, "bob")
	if again := openRevokedIn(t, h, nil); !isRevoked(again, "alice") || !isRevoked(again, "bob") {
		t.Error("a gateway of the version before has another list")
	}
	if err := store.MigratePostgres(t.Context(), p, with(t, "SELECT 1;")); err == nil || !strings.Contains(err.Error(), "other statements") {
		t.Errorf("took tables of other statements: %v", err)
	}
	h.Do("UPDATE migrations SET needs = 2 WHERE number = 2")
	if _, err := openPostgresAt(t, h, h.DSN(), nil); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("opened what it cannot work with: %v", err)
	}
}
