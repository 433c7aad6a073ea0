package dsn_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"doorward/internal/dsn"
)

// What a URL leaves open is not filled in by the environment, nor by files of the home
// directory: a connection is the same with them and without.
func TestAlone(t *testing.T) {
	urls := []string{
		"postgres://u:p@db.example.com:5433/d?sslmode=verify-full", "postgres://u:p@db.example.com/d", "postgres://u@127.0.0.1/d?sslmode=disable", "postgres://127.0.0.1", "postgres://", "postgres:///d?host=/tmp&port=7",
		"postgresql://u:p@a,b:2/d?ssl=true", "postgres://u:p@[::1]/d", "postgres://u:p@[::1]:9/d?dbname=e", "postgres://u:p@h?user=v&password=q&application_name=x", "postgres://@h", "postgres://u:@:9",
	}
	form := func(c *pgconn.Config) string {
		var hosts strings.Builder
		for _, f := range c.Fallbacks {
			fmt.Fprintf(&hosts, "%s:%d %t,", f.Host, f.Port, f.TLSConfig != nil)
		}
		certificates := 0
		if c.TLSConfig != nil {
			certificates = len(c.TLSConfig.Certificates)
		}
		return fmt.Sprintf("%s:%d %s:%s/%s TLS %t with %d, then %s %v %q %q %q", c.Host, c.Port, c.User, c.Password, c.Database, c.TLSConfig != nil, certificates, hosts.String(), c.ConnectTimeout, c.SSLNegotiation, c.ChannelBinding, c.RequireAuth)
	}
	parsed := func(text string) string {
		whole, _ := dsn.Alone(text)
		c, err := pgconn.ParseConfig(whole)
		if err != nil {
			t.Fatalf("%s: %v", whole, err)
		}
		return form(c)
	}
	// As a URL is read where there is no environment, but for what is of no home directory.
	t.Setenv("HOME", t.TempDir())
	plain, want := []string{}, []string{}
	for _, u := range urls {
		c, err := pgconn.ParseConfig(u)
		if err != nil {
			t.Fatalf("%s: %v", u, err)
		}
		if !strings.Contains(u, "u:") && !strings.Contains(u, "u@") && !strings.Contains(u, "user=") {
			c.User = "" // that of the process
		}
		plain, want = append(plain, form(c)), append(want, parsed(u))
	}
	for i, u := range urls {
		if plain[i] != want[i] {
			t.Errorf("%s: %s; without Alone %s", u, want[i], plain[i])
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.WriteFile(filepath.Join(home, ".pgpass"), []byte("*:*:*:*:sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"PGHOST": "evil.example.com", "PGPORT": "1", "PGDATABASE": "evil", "PGUSER": "evil", "PGPASSWORD": "evil", "PGPASSFILE": filepath.Join(home, ".pgpass"), "PGAPPNAME": "evil", "PGCONNECT_TIMEOUT": "77", "PGSSLMODE": "disable",
		"PGSSLKEY": "/evil", "PGSSLCERT": "/evil", "PGSSLCERTMODE": "require", "PGSSLSNI": "0", "PGSSLROOTCERT": "/evil", "PGSSLPASSWORD": "evil", "PGSSLNEGOTIATION": "direct", "PGTARGETSESSIONATTRS": "evil", "PGSERVICEFILE": "/evil",
		"PGTZ": "Mars", "PGOPTIONS": "-c evil=1", "PGMINPROTOCOLVERSION": "evil", "PGMAXPROTOCOLVERSION": "evil", "PGCHANNELBINDING": "require", "PGREQUIREAUTH": "none",
	} {
		t.Setenv(name, value)
	}
	for i, u := range urls {
		if got := parsed(u); got != want[i] {
			t.Errorf("%s: %s in an environment, %s without", u, got, want[i])
		}
	}
}
