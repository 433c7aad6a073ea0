package doctor

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// credential is what the client would send, and what is odd about the text that
// was given for it.
type credential struct {
	given string // exactly as it was given
	text  string // without what does not belong to it; what the probes send
	fault string // what does not belong to it; empty when nothing
}

// readCredential takes apart what people put where only the key belongs. The
// fault quotes nothing of it.
func readCredential(given string) credential {
	c := credential{given: given}
	var faults []string
	text := given
	note := func(fault string) { faults = append(faults, fault) }
	if t := strings.TrimSpace(text); t != text {
		text = t
		note("it has spaces or a newline around it")
	}
	for _, q := range []string{`"`, `'`, "`"} {
		if len(text) > 1 && strings.HasPrefix(text, q) && strings.HasSuffix(text, q) {
			text = strings.TrimSpace(text[1 : len(text)-1])
			note("it has quotation marks around it")
		}
	}
	if name, rest, found := strings.Cut(text, ":"); found && headerName(name) {
		text = strings.TrimSpace(rest)
		if strings.EqualFold(name, "Authorization") {
			note("it has the header's name in front")
		} else {
			note("it has the name of another header in front: a key goes into Authorization")
		}
	}
	if word, rest, found := strings.Cut(text, " "); found && strings.EqualFold(word, "Bearer") {
		text = strings.TrimSpace(rest)
		note("it has the word Bearer in front, which the client adds")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		text = strings.Map(func(r rune) rune {
			if r <= ' ' || r > '~' {
				return -1
			}
			return r
		}, text)
		note("it has a space, a line break or a character in it that no key has")
	}
	c.text, c.fault = text, strings.Join(faults, "; ")
	return c
}

// headerName tells whether a word looks like the name of a header: a key's
// alphabet has no colon, but a user:password has.
func headerName(s string) bool {
	return strings.EqualFold(s, "Authorization") || strings.HasPrefix(strings.ToLower(s), "x-")
}

// claims are those of a JSON Web Token that say where and when it is good.
type claims struct {
	Issuer    string
	Audience  []string
	Expires   time.Time // zero: not said
	NotBefore time.Time // zero: not said
}

// readClaims reads a JWT's claims (RFC 7519) without verifying anything: they
// only explain a refusal. ok is false for what is no JWT.
func readClaims(token string) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, false
	}
	var head struct {
		Alg string `json:"alg"`
	}
	var body struct {
		Iss string          `json:"iss"`
		Aud json.RawMessage `json:"aud"`
		Exp float64         `json:"exp"`
		Nbf float64         `json:"nbf"`
	}
	if !readPart(parts[0], &head) || head.Alg == "" || !readPart(parts[1], &body) {
		return claims{}, false
	}
	c = claims{Issuer: body.Iss, Expires: numericDate(body.Exp), NotBefore: numericDate(body.Nbf)}
	var one string
	if json.Unmarshal(body.Aud, &one) == nil && one != "" {
		c.Audience = []string{one}
	} else if json.Unmarshal(body.Aud, &c.Audience) != nil {
		c.Audience = nil
	}
	return c, true
}

func readPart(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

// maxDate is the year 9999 in seconds: what is later cannot be written as a date.
const maxDate = 253402300799

func numericDate(seconds float64) time.Time {
	if seconds <= 0 || seconds > maxDate {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
