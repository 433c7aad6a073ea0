package login

import (
	"net/http"
	"strings"
)

// challenge is what a server says in a WWW-Authenticate header when it wants a
// bearer token (RFC 6750, 3; RFC 9728, 5.1). The zero value says nothing.
type challenge struct {
	metadata string // URL of the resource's metadata
	scope    string
	fault    string // the error parameter
}

// maxChallenge bounds the part of the header that is read, in bytes.
const maxChallenge = 8 << 10

// readChallenge finds the first challenge of the scheme Bearer.
func readChallenge(h http.Header) challenge {
	for _, line := range h.Values("Www-Authenticate") {
		if len(line) > maxChallenge {
			continue
		}
		if params, ok := bearerParams(line); ok {
			return challenge{metadata: params["resource_metadata"], scope: params["scope"], fault: params["error"]}
		}
	}
	return challenge{}
}

// Lacking are the scopes that a server says a token lacks (403 with the error
// insufficient_scope), and whether it says so.
func Lacking(h http.Header) ([]string, bool) {
	c := readChallenge(h)
	if c.fault != "insufficient_scope" {
		return nil, false
	}
	return scopes(c.scope), true
}

// maxScopes bounds a list of scopes.
const maxScopes = 100

// scopes cuts a list apart and leaves out what is none (RFC 6749, 3.3).
func scopes(text string) []string {
	var all []string
	for s := range strings.SplitSeq(text, " ") {
		if s != "" && goodScope(s) && len(all) < maxScopes {
			all = append(all, s)
		}
	}
	return all
}

func goodScope(s string) bool {
	return s != "" && len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

// bearerParams reads the parameters of the Bearer challenge among those of a
// line (RFC 9110, 11.6.1). ok is false where there is none.
func bearerParams(line string) (params map[string]string, ok bool) {
	for rest := line; ; {
		rest = strings.TrimLeft(rest, " \t,=") // = ends the token68 of another scheme
		word, after := token(rest)
		if word == "" {
			return params, params != nil
		}
		value, next, isParam := param(after)
		switch {
		case !isParam && params != nil:
			return params, true // another scheme begins
		case !isParam:
			if strings.EqualFold(word, "Bearer") {
				params = map[string]string{}
			}
			rest = after
		default:
			if name := strings.ToLower(word); params != nil {
				if _, twice := params[name]; !twice {
					params[name] = value
				}
			}
			rest = next
		}
	}
}

// token takes a token off the front (RFC 9110, 5.6.2).
func token(s string) (word, rest string) {
	end := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// param takes a parameter's "= value" off the front. A trailing "=" without a
// value belongs to a token68 and is none.
func param(s string) (value, rest string, ok bool) {
	s, ok = strings.CutPrefix(strings.TrimLeft(s, " \t"), "=")
	if !ok {
		return "", "", false
	}
	s = strings.TrimLeft(s, " \t")
	if !strings.HasPrefix(s, `"`) {
		value, rest = token(s)
		return value, rest, value != ""
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] == '"' {
			return b.String(), s[i+1:], true
		}
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
