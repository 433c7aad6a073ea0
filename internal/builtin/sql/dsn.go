package sql

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"doorward/internal/dsn"
	"doorward/internal/policy/statement"
)

// errNoURL is that of a secret that cannot be read, or that is no URL of a database. It
// says nothing of what the secret holds.
var errNoURL = errors.New("the secret with the database's URL cannot be read, or is not such a URL: postgres://USER:PASSWORD@HOST/DATABASE, mysql://USER:PASSWORD@HOST/DATABASE, mariadb://… or sqlite:/PATH")

// place is where a database is.
type place struct {
	dialect statement.Dialect
	path    string // of SQLite's file
}

// parse tells by the scheme of a URL which database it is.
func parse(text string) (place, error) {
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		return place{dialect: statement.Postgres}, nil
	}
	if dsn.IsMySQL(text) {
		return place{dialect: statement.MySQL}, nil
	}
	path := text
	if rest, ok := strings.CutPrefix(text, "sqlite:"); ok {
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
func CheckDSN(text string) error {
	at, err := parse(text)
	switch {
	case err != nil:
	case at.dialect == statement.Postgres:
		_, err = connection(text)
	case at.dialect == statement.MySQL:
		_, err = dsn.MySQL(text)
	}
	return err
}
