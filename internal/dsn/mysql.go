package dsn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"

	"doorward/internal/durable"
	"doorward/internal/loopback"
)

// Errors of a URL of MySQL or MariaDB. They say nothing of what is in it.
var (
	ErrMySQLForm      = errors.New("the DSN must be a URL: mysql://USER:PASSWORD@HOST:PORT/DATABASE")
	ErrMySQLOption    = errors.New("the DSN sets what it must not: it may have tls (true or false), ca (the file of an authority) and, in place of a host, socket")
	ErrMySQLClear     = errors.New("the DSN must not have tls=false: the database is on another machine")
	ErrMySQLAuthority = errors.New("the file that ca of the DSN names cannot be read, or holds no certificate")
)

const (
	mysqlPort    = "3306"  // that is registered for it with IANA
	maxAuthority = 1 << 20 // bytes of the file of an authority
)

// IsMySQL tells whether a URL is one of MySQL or MariaDB, by its scheme alone.
func IsMySQL(text string) bool {
	return strings.HasPrefix(text, "mysql://") || strings.HasPrefix(text, "mariadb://")
}

// MySQL is how a connection of a URL is made: encrypted and with the certificate verified
// to another machine, and on this one where tls=true is written. Files and statements that
// a server asks for, several statements at once and values that the client writes into a
// statement are off, and no option of the driver can be set by the URL.
func MySQL(text string) (*mysql.Config, error) {
	u, err := url.Parse(text)
	if err != nil || !IsMySQL(text) || u.Opaque != "" || u.Fragment != "" || strings.ContainsRune(u.Path, 0) {
		return nil, ErrMySQLForm // the error of url.Parse repeats it
	}
	database := strings.TrimPrefix(u.Path, "/")
	if u.User.Username() == "" || database == "" || strings.Contains(database, "/") {
		return nil, ErrMySQLForm
	}
	options, err := mysqlOptions(u.RawQuery)
	if err != nil {
		return nil, err
	}
	c := mysql.NewConfig()
	c.User, c.DBName = u.User.Username(), database
	c.Passwd, _ = u.User.Password()
	c.Logger, c.CheckConnLiveness = &mysql.NopLogger{}, false
	socket := options["socket"]
	switch {
	case socket != "" && (u.Host != "" || options["tls"] == "true" || !filepath.IsAbs(socket)):
		return nil, ErrMySQLOption
	case socket != "":
		c.Net, c.Addr = "unix", socket
		return c, nil
	case u.Hostname() == "":
		return nil, ErrMySQLForm
	}
	port := u.Port()
	if port == "" {
		port = mysqlPort
	}
	c.Net, c.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	c.TLS, err = mysqlTLS(u.Hostname(), options)
	return c, err
}

// mysqlOptions are those of a URL, each at most once.
func mysqlOptions(query string) (map[string]string, error) {
	all, err := url.ParseQuery(query)
	if err != nil {
		return nil, ErrMySQLForm
	}
	out := map[string]string{}
	for key, values := range all {
		known := key == "tls" && (values[0] == "true" || values[0] == "false") || (key == "ca" || key == "socket") && values[0] != ""
		if !known || len(values) != 1 {
			return nil, ErrMySQLOption
		}
		out[key] = values[0]
	}
	if out["ca"] != "" && (out["tls"] == "false" || out["socket"] != "") {
		return nil, ErrMySQLOption
	}
	return out, nil
}

// mysqlTLS is how a connection to a host is encrypted; nil: it stays on this machine in
// the clear.
func mysqlTLS(host string, options map[string]string) (*tls.Config, error) {
	local := loopback.Host(host)
	switch {
	case !local && options["tls"] == "false":
		return nil, ErrMySQLClear
	case local && options["tls"] != "true" && options["ca"] == "":
		return nil, nil //nolint:nilnil // none
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if options["ca"] == "" {
		return c, nil
	}
	pem, err := durable.ReadNamed(options["ca"], maxAuthority)
	c.RootCAs = x509.NewCertPool()
	if err != nil || !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, ErrMySQLAuthority
	}
	return c, nil
}
