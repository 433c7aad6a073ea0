package dsn

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// alone are the settings that pgx otherwise takes from the environment (PGHOST and the
// like) or from files of the home directory, as libpq does, and what each is without them
// (https://www.postgresql.org/docs/current/libpq-connect.html). Empty: pgx's default, or none.
func alone() map[string]string {
	return map[string]string{
		"host": "", "port": "", "database": "", "user": "", "password": "", "passfile": "", "servicefile": "", "connect_timeout": "0", "target_session_attrs": "any",
		"sslmode": "prefer", "sslkey": "", "sslcert": "", "sslcertmode": "allow", "sslsni": "1", "sslrootcert": "", "sslpassword": "", "sslnegotiation": "",
		"min_protocol_version": "", "max_protocol_version": "", "channel_binding": "prefer", "require_auth": "",
	}
}

// Alone is a URL of PostgreSQL with every setting written in it that pgx would otherwise take
// from the environment or the home directory of this process: nothing but the URL says where
// a connection goes, and with which key. options are the keys of the URL's own. Left over are
// PGTZ, PGOPTIONS and what a service of PGSERVICE has, which pgx makes parameters of the
// connection: whoever connects takes those of options alone, and a PGSERVICE that cannot be
// read, without which pgx makes nothing.
func Alone(text string) (whole string, options []string) {
	_, rest, _ := strings.Cut(text, "://")
	base, query, asks := strings.Cut(rest, "?")
	written := authority(base)
	if asks {
		for pair := range strings.SplitSeq(query, "&") {
			key, _, _ := strings.Cut(pair, "=")
			if plain, err := url.PathUnescape(key); err == nil {
				key = plain
			}
			options = append(options, key)
			switch key {
			case "dbname":
				key = "database"
			case "ssl":
				key = "sslmode"
			}
			written[key] = true
		}
	}
	var b strings.Builder
	b.WriteString(text)
	mark := "?"
	if asks {
		mark = "&"
	}
	missing := alone()
	for _, key := range slices.Sorted(maps.Keys(missing)) {
		if !written[key] {
			b.WriteString(mark + key + "=" + missing[key])
			mark = "&"
		}
	}
	return b.String(), options
}

// Keep leaves of a connection's parameters those that the URL's own options name.
func Keep(params map[string]string, options []string) {
	maps.DeleteFunc(params, func(name, _ string) bool { return !slices.Contains(options, name) })
}

// authority says what stands before the question mark, cut where pgx cuts it.
func authority(base string) map[string]bool {
	written := map[string]bool{}
	if i := strings.IndexAny(base, "@/"); i >= 0 && base[i] == '@' {
		user, password, _ := strings.Cut(base[:i], ":")
		written["user"], written["password"] = user != "", password != ""
		base = base[i+1:]
	}
	hosts, database, _ := strings.Cut(base, "/")
	written["database"] = database != ""
	if strings.Contains(hosts, ",") { // several: pgx has as many ports, written or not
		written["host"], written["port"] = true, true
		return written
	}
	host, port, _ := strings.Cut(hosts[strings.LastIndexByte(hosts, ']')+1:], ":")
	written["host"], written["port"] = host != "" || strings.HasPrefix(hosts, "["), port != ""
	return written
}
