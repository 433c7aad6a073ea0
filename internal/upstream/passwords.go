package upstream

import (
	"net/url"
	"regexp"
	"strings"
	"sync"

	"doorward/internal/leak"
)

// passwordForms are the ways beside a URL to say where a database is and who asks: the settings
// of libpq (PostgreSQL 17, 32.1.1.1), and what Go's driver of MySQL takes.
//
//nolint:gochecknoglobals // compiled once; read-only
var passwordForms = sync.OnceValue(func() [2]*regexp.Regexp {
	return [...]*regexp.Regexp{
		regexp.MustCompile(`(?:^|\s)(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)+)`),
		regexp.MustCompile(`^[^:@/]*:(.+)@[a-z0-9]*(?:\([^()]*\))?/[^/]*$`),
	}
})

// passwords are the parts of a secret that are secrets as well where it says how a database, or
// another service, is reached. A password in a URL that is the name of the user or of the database as
// well is none that could be masked: the name would be, wherever it stands.
func passwords(name, value string) (list []leak.Secret) {
	if u, err := url.Parse(value); err == nil && u.Scheme != "" && strings.Contains(value, "://") {
		if password, _ := u.User.Password(); password == "" || password == u.User.Username() || password == strings.Trim(u.Path, "/") {
			u.User = nil
		}
		for _, s := range ofURL(u.String()) {
			list = append(list, leak.Secret{Name: name, Text: s.Text})
		}
		return list
	}
	for _, form := range passwordForms() {
		for _, m := range form.FindAllStringSubmatch(value, -1) {
			list = append(list, leak.Secret{Name: name, Text: settingOf(m[1])})
		}
	}
	return list
}

// settingOf is a value of libpq's settings without its quotation marks and backslashes.
func settingOf(s string) string {
	if len(s) > 1 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = s[1 : len(s)-1]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
