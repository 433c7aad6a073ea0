package sql

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"doorward/internal/policy/statement"
)

// errNoURL is that of a secret that cannot be read, or that is no URL of a database. It
// says nothing of what the secret holds.
var errNoURL = errors.New("the secret with the database's URL cannot be read, or is not such a URL: postgres://USER:PASSWORD@HOST/DATABASE or sqlite:/PATH")

// place is where a database is.
type place struct {
	dialect statement.Dialect
	path    string // of SQLite's file
}

// parse tells by the scheme of a URL which database it is.
func parse(dsn string) (place, error) {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return place{dialect: statement.Postgres}, nil
	}
	path := dsn
	if rest, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		u, err := url.Parse("file:" + rest)
		if err != nil || u.RawQuery != "" || u.Fragment != "" || u.Host != "" || u.Opaque != "" {
			return place{}, errNoURL
		}
		path = u.Path
	}
	if !filepath.IsAbs(path) || strings.ContainsRune(path, 0) {
		return place{}, errNoURL
	}
	return place{statement.SQLite, path}, nil
}

// CheckDSN says what is wrong with the URL of a database, and nothing that is in it. App
// calls it before it serves.
func CheckDSN(dsn string) error {
	at, err := parse(dsn)
	if err != nil || at.dialect == statement.SQLite {
		return err
	}
	_, err = connection(dsn)
	return err
}
