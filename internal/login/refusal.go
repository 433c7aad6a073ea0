package login

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// ErrSignIn is that there is no login, or none that still works: somebody has to
// sign in.
var ErrSignIn = errors.New("not signed in")

// ErrNone is an ErrSignIn for a gateway that there is no login for at all.
var ErrNone = fmt.Errorf("%w: there is no login", ErrSignIn)

// ErrRequest is that a Request contradicts itself or lacks something.
var ErrRequest = errors.New("wrong request")

// Refusal is an authorization server's answer that it gives no token (RFC 6749,
// 4.1.2.1 and 5.2).
type Refusal struct {
	Code string // such as access_denied
	Text string // what it says to people; may be empty
}

// Error names the code, and what the server says.
func (r *Refusal) Error() string {
	if r.Text == "" {
		return "the authorization server refuses: " + r.Code
	}
	return fmt.Sprintf("the authorization server refuses: %s: %s", r.Code, r.Text)
}

// Bounds of what is shown of a server's own words, in bytes.
const (
	maxCode   = 64
	maxText   = 300
	minSecret = 8 // of what is looked for in them
)

// refusal makes one of what a server wrote. sent is what the request held: an
// answer that repeats a credential is not shown.
func refusal(code, text string, sent url.Values) *Refusal {
	for _, name := range []string{"client_secret", "client_assertion", "code", "code_verifier", "device_code", "refresh_token", "token"} {
		secret := sent.Get(name)
		if len(secret) < minSecret {
			continue // it would be found in any text
		}
		if strings.Contains(text, secret) {
			text = ""
		}
		if strings.Contains(code, secret) {
			code = "an error that repeats a credential"
		}
	}
	return &Refusal{Code: shown(code, maxCode), Text: shown(text, maxText)}
}

// shown is a stranger's text for a terminal: on one line, printable, and cut.
func shown(text string, limit int) string {
	cut := len(text) > limit
	if cut {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	if cut {
		text += "…"
	}
	return text
}
