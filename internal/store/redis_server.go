package store

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"doorward/internal/loopback"
)

// redisTarget is what a URL says.
type redisTarget struct {
	address, host  string
	user, password string
	database       int
	encrypted      bool
	exposed        bool // neither encrypted nor on loopback
}

// parseRedisURL reads a URL of Redis. No error quotes any of it: where a password
// is not percent-encoded, every part may hold a piece of it.
func parseRedisURL(text string) (redisTarget, error) {
	u, err := url.Parse(text)
	if err != nil {
		return redisTarget{}, errors.New("the URL cannot be read; are the special characters of its password percent-encoded?")
	}
	t := redisTarget{host: u.Hostname(), user: u.User.Username(), encrypted: u.Scheme == "rediss"}
	t.password, _ = u.User.Password()
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	t.address = net.JoinHostPort(t.host, port)
	number, err := strconv.ParseUint(port, 10, 16)
	switch {
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return redisTarget{}, errors.New("the URL begins with neither redis:// nor rediss://")
	case t.host == "" || err != nil || number == 0 || u.Fragment != "" || u.Opaque != "":
		return redisTarget{}, errors.New("the URL is not redis://user:password@host:port/database")
	}
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		n, err := strconv.ParseUint(path, 10, 16)
		if err != nil {
			return redisTarget{}, errors.New("the path of the URL is not the number of a database")
		}
		t.database = int(n)
	}
	insecure := u.RawQuery == "insecure=true"
	switch {
	case u.RawQuery != "" && !insecure:
		return redisTarget{}, errors.New("the URL has a query other than insecure=true")
	case insecure && t.encrypted:
		return redisTarget{}, errors.New("insecure=true is for redis://, and this is rediss://")
	}
	t.exposed = !t.encrypted && !loopback.Host(t.host)
	if t.exposed && !insecure {
		return redisTarget{}, errors.New("plain redis:// is for loopback: use rediss://, or ?insecure=true on a network that may read the password and change the answers")
	}
	return t, nil
}

// secure is the configuration of TLS, and nil without it.
func (t *redisTarget) secure(cfg *tls.Config) (*tls.Config, error) {
	if !t.encrypted {
		return nil, nil // which go-redis takes as plain TCP
	}
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.InsecureSkipVerify {
		return nil, errors.New("the certificate of the server must be verified")
	}
	cfg = cfg.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	if cfg.RootCAs == nil {
		// Reading a system's hundred and more certificates can take longer than a connection
		// may. Where they cannot be read the handshake says so.
		cfg.RootCAs, _ = x509.SystemCertPool()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = t.host
	}
	return cfg, nil
}

// checkPrefix keeps braces out: those of {nonces} and {revoked} must be the first,
// or what one script touches would lie in several slots of a cluster.
func checkPrefix(prefix string) error {
	odd := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsGraphic(r) || strings.ContainsRune("{} ", r)
	}
	if len(prefix) > 64 || strings.ContainsFunc(prefix, odd) {
		return errors.New("a prefix has at most 64 printable ASCII characters, and no space or brace")
	}
	return nil
}

// serverInfo is the answer to INFO, by field.
type serverInfo map[string]string

func parseInfo(text string) serverInfo {
	info := serverInfo{}
	for line := range strings.Lines(text) {
		if field, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			info[field] = value
		}
	}
	return info
}

// fit refuses a server that state must not be entrusted to. What it does not say
// counts against it.
func (i serverInfo) fit() error {
	var major, minor int
	if _, err := fmt.Sscanf(i["redis_version"], "%d.%d", &major, &minor); err != nil || major < 6 || major == 6 && minor < 2 {
		return fmt.Errorf("version %q is older than 6.2", i["redis_version"])
	}
	if i["role"] != "master" {
		return fmt.Errorf("role %q: only a master takes what must be remembered", i["role"])
	}
	if i["run_id"] == "" {
		return errors.New("the server does not tell its run_id, without which its restart goes unnoticed")
	}
	if i["maxmemory"] != "0" && i["maxmemory_policy"] != "noeviction" {
		return fmt.Errorf("maxmemory is %q and maxmemory-policy %q: the server may evict what must be remembered; set noeviction",
			i["maxmemory"], i["maxmemory_policy"])
	}
	return nil
}
