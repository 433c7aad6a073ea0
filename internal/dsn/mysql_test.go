package dsn_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"doorward/internal/dsn"
)

func TestMySQL(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]error{
		"":                                      dsn.ErrMySQLForm,
		"mysql:u@h/d":                           dsn.ErrMySQLForm,
		"u:sesame@tcp(h:3306)/d":                dsn.ErrMySQLForm, // the driver's own form
		"postgres://u:sesame@h/d":               dsn.ErrMySQLForm,
		"mysql://h/d":                           dsn.ErrMySQLForm,
		"mysql://:sesame@h/d":                   dsn.ErrMySQLForm,
		"mysql://u:sesame@h":                    dsn.ErrMySQLForm,
		"mysql://u:sesame@h/":                   dsn.ErrMySQLForm,
		"mysql://u:sesame@h/d/e":                dsn.ErrMySQLForm,
		"mysql://u:sesame@h/d%00e":              dsn.ErrMySQLForm,
		"mysql://u:sesame@/d":                   dsn.ErrMySQLForm,
		"mysql://u:sesame@h/d#x":                dsn.ErrMySQLForm,
		"mysql://u:sesame@h/d?%zz":              dsn.ErrMySQLForm,
		"mysql://u:sesame@h:x/d":                dsn.ErrMySQLForm,
		"mysql://u:sesame@h/d?tls=false":        dsn.ErrMySQLClear,
		"mysql://u:sesame@10.0.0.1/d?tls=false": dsn.ErrMySQLClear,
		"mysql://u:sesame@localhost.example.com/d?tls=false": dsn.ErrMySQLClear,
		"mysql://u:sesame@h/d?tls=skip-verify":               dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?tls=preferred":                 dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?tls=true&tls=false":            dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?allowAllFiles=true":            dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?multiStatements=true":          dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?interpolateParams=true":        dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?allowCleartextPasswords=true":  dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?sql_mode=''":                   dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?charset=gbk":                   dsn.ErrMySQLOption,
		"mysql://u:sesame@127.0.0.1/d?tls=false&ca=/x":       dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?socket=/x":                     dsn.ErrMySQLOption,
		"mysql://u:sesame@/d?socket=x":                       dsn.ErrMySQLOption,
		"mysql://u:sesame@/d?socket=/x&tls=true":             dsn.ErrMySQLOption,
		"mysql://u:sesame@h/d?ca=/absent":                    dsn.ErrMySQLAuthority,
		"mysql://u:sesame@h/d?ca=" + empty:                   dsn.ErrMySQLAuthority,
		"mysql://u@127.0.0.1/d":                              nil,
		"mariadb://u:sesame@db.example.com:3307/d?tls=true":  nil,
		"mysql://u:ses%40me@db.example.com/d":                nil,
	} {
		c, err := dsn.MySQL(text)
		if !errors.Is(err, want) || err == nil && want != nil {
			t.Errorf("%s: %v, not %v", text, err, want)
			continue
		}
		if err == nil && (c.AllowAllFiles || c.AllowCleartextPasswords || c.AllowFallbackToPlaintext || c.AllowOldPasswords || c.MultiStatements || c.InterpolateParams) {
			t.Errorf("%s: %+v", text, c)
		}
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Another machine is spoken to in TLS whether tls is written or not.
func TestMySQLVerifies(t *testing.T) {
	for text, want := range map[string]struct{ net, addr, password, name string }{
		"mysql://u:ses%40me@db.example.com/d":       {"tcp", "db.example.com:3306", "ses@me", "db.example.com"},
		"mariadb://u@[2001:db8::1]:3307/d?tls=true": {"tcp", "[2001:db8::1]:3307", "", "2001:db8::1"},
		"mysql://u@127.0.0.1/d?tls=true":            {"tcp", "127.0.0.1:3306", "", "127.0.0.1"},
		"mysql://u@localhost:1/d":                   {"tcp", "localhost:1", "", ""},
		"mysql://u@[::1]/d?tls=false":               {"tcp", "[::1]:3306", "", ""},
		"mysql://u@/d?socket=/run/mysqld.sock":      {"unix", "/run/mysqld.sock", "", ""},
	} {
		c, err := dsn.MySQL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		name := ""
		if c.TLS != nil {
			name = c.TLS.ServerName
			if c.TLS.InsecureSkipVerify {
				t.Errorf("%s: not verified", text)
			}
		}
		if c.Net != want.net || c.Addr != want.addr || c.Passwd != want.password || name != want.name || c.DBName != "d" {
			t.Errorf("%s: %s %s %s %s", text, c.Net, c.Addr, c.Passwd, name)
		}
	}
}
