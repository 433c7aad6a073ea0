// Package dsn says which URLs of PostgreSQL, MySQL and MariaDB a connection may be made by, for all that
// connect to it.
package dsn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"doorward/internal/loopback"
)

// Errors of a URL. They say nothing of what is in it.
var (
	ErrForm       = errors.New("the DSN must be a URL: postgres://USER:PASSWORD@HOST/DATABASE")
	ErrUnverified = errors.New("the DSN must have sslmode=verify-full: the database is on another machine")
)

// Check refuses what no password is found in, and what a program of this machine could be
// asked by instead.
func Check(text string) error {
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return ErrForm
	}
	return nil
}

// Secure has the connection to another machine encrypted and its certificate verified,
// whatever host of the URL it is: pgx's own default falls back to the clear. roots are what
// a certificate is verified by; nil: as the URL says.
func Secure(c *pgconn.Config, roots *x509.CertPool) error {
	bad := func(host string, secure *tls.Config) bool {
		local := strings.HasPrefix(host, "/") || loopback.Host(host)
		if !local && (secure == nil || secure.InsecureSkipVerify || secure.ServerName == "") {
			return true
		}
		if secure != nil {
			secure.MinVersion = max(secure.MinVersion, tls.VersionTLS12)
			if roots != nil {
				secure.RootCAs = roots
			}
		}
		return false
	}
	wrong := bad(c.Host, c.TLSConfig)
	for _, f := range c.Fallbacks {
		wrong = bad(f.Host, f.TLSConfig) || wrong
	}
	if wrong {
		return ErrUnverified
	}
	return nil
}
