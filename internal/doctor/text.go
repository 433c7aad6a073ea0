package doctor

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
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

// tidy makes a finding fit to be shown, to whomever and in whatever form: no
// credential, and nothing in it that a reader would not see.
func (e *exam) tidy(f *Finding) {
	f.Cause, f.Seen, f.Why = visible(f.Cause), visible(e.hide(f.Seen)), visible(e.hide(f.Why))
	lines := strings.Split(e.hide(f.Fix), "\n")
	for i := range lines {
		lines[i] = visible(lines[i])
	}
	f.Fix = strings.Join(lines, "\n")
}

// visible writes characters that do not show, or that a terminal obeys, as
// ⟨U+XXXX⟩. What is visible stays as it is.
func visible(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) }

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
