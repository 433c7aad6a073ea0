package sql_test

import (
	"errors"
	"slices"
	"testing"

	own "doorward/internal/builtin/sql"
)

// What the operator is told of a database: why it cannot be read, each time somebody asks
// for it, and that it was; of a statement that is wrong nothing.
func TestHealthOfTheDatabase(t *testing.T) {
	t.Parallel()
	path, lost := sqliteFile(t), errors.New("the secret is gone")
	var dsn string
	var noDSN error
	var told []string
	c := newCaller(t, func(s *own.Settings) {
		s.DSN = func() (string, error) { return dsn, noDSN }
		s.Health = func(err error) {
			if err == nil {
				told = append(told, "")
				return
			}
			told = append(told, err.Error())
		}
	})
	ask := func(sql string) error {
		_, err := c.ask("query", map[string]any{"sql": sql})
		return err
	}
	const good = "SELECT name FROM customers"
	for _, step := range []struct {
		what, dsn, sql string
		noDSN          error
		works          bool
		told           []string
	}{
		{what: "works", dsn: "sqlite:" + path, sql: good, works: true, told: []string{""}},
		{what: "a statement that is refused", dsn: "sqlite:" + path, sql: "DELETE FROM customers"},
		{what: "a statement that is wrong", dsn: "sqlite:" + path, sql: "SELECT no_such FROM customers"},
		{what: "no secret", sql: good, noDSN: lost, told: []string{lost.Error()}},
		{what: "no file", dsn: "sqlite:" + path + ".gone", sql: good, told: []string{"the database's file cannot be opened, or is none of SQLite"}},
		{what: "a port that nobody listens on", dsn: "postgres://u:p@127.0.0.1:1/d?sslmode=disable", sql: good, told: []string{"the database cannot be reached"}},
		{what: "the same of MySQL", dsn: "mysql://u:p@127.0.0.1:1/d", sql: good, told: []string{"the database cannot be reached"}},
		{what: "works again", dsn: "sqlite:" + path, sql: good, works: true, told: []string{""}},
	} {
		told, dsn, noDSN = nil, step.dsn, step.noDSN
		if err := ask(step.sql); (err == nil) != step.works {
			t.Errorf("%s: %v", step.what, err)
		}
		if !slices.Equal(told, step.told) {
			t.Errorf("%s: the operator is told %q, want %q", step.what, told, step.told)
		}
	}
}
