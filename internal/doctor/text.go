package doctor

import (
	"net/url"
	"strings"
)

// maxQuoted bounds what is repeated of a server's words, in bytes.
const maxQuoted = 300

// hide takes the credential out of a text: a server may repeat what it was sent.
func (e *exam) hide(text string) string {
	for _, secret := range []string{e.key.given, e.key.text} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "[credential]")
		}
	}
	return text
}

// quote is a server's text, bounded. The credential goes first: cut in two it
// would not be found any more.
func (e *exam) quote(text string) string {
	text = strings.TrimSpace(e.hide(text))
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}

// shownURL is a URL without its query, which may hold a secret.
func shownURL(u *url.URL) string {
	c := *u
	c.User, c.RawQuery, c.ForceQuery, c.Fragment = nil, "", false, ""
	return c.String()
}

// at is another path on the target's origin.
func (e *exam) at(path string) *url.URL {
	return &url.URL{Scheme: e.target.Scheme, Host: e.target.Host, Path: path}
}
