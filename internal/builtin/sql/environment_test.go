package sql_test

import (
	"strings"
	"testing"

	own "doorward/internal/builtin/sql"
)

// The environment of the process takes no part in where and how PostgreSQL is asked, and is
// not taken for the URL's own.
func TestEnvironment(t *testing.T) {
	const secure = "postgres://u:sesame@db.example.com/d?sslmode=verify-full"
	for name, value := range map[string]string{"PGTZ": "Mars", "PGOPTIONS": "-c search_path=evil", "PGAPPNAME": "x", "PGSSLMODE": "disable", "PGSSLROOTCERT": "/absent", "PGTARGETSESSIONATTRS": "evil"} {
		t.Setenv(name, value)
	}
	if err := own.CheckDSN(secure); err != nil {
		t.Error(err)
	}
	for bad, want := range map[string]string{secure + "&search_path=evil": "sets what it must not", secure + "&options=-c%20x%3Dy": "sets what it must not", secure + "&timezone=UTC": "sets what it must not", "postgres://u:sesame@db.example.com/d": "sslmode=verify-full"} {
		if err := own.CheckDSN(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	t.Setenv("PGSSLMODE", "verify-full")
	if own.CheckDSN("postgres://u:sesame@db.example.com/d") == nil {
		t.Error("PGSSLMODE counts")
	}
	t.Setenv("PGSERVICE", "evil")
	if err := own.CheckDSN(secure); err == nil || !strings.Contains(err.Error(), "PGSERVICE") || strings.Contains(err.Error(), "sesame") {
		t.Errorf("PGSERVICE: %v", err)
	}
}
