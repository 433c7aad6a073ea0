package mcp

import (
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/text/unicode/norm"

	"doorward/internal/jsonrpc"
)

// maxElicitURL bounds the URL of an elicitation, in bytes: a person is shown it
// whole, and authorization requests stay below.
const maxElicitURL = 8 << 10

// mayElicit tells whether a client with the elicitation capability c may be
// asked this. An empty capability means form mode alone (2025-11-25,
// elicitation, capabilities). Declared or not, nobody is sent to a dangerous
// URL or asked for a secret in a form (security case MHB-15).
func mayElicit(c, params []byte) bool {
	mode, given := memberText(params, "mode")
	_, form := object(c, "form")
	_, byURL := object(c, "url")
	if _, odd := member(params, "mode"); odd && !given || imitatesElicit(params) {
		return false
	}
	// A client that goes by the url instead of the mode would visit one that
	// nobody judged.
	if _, linked := member(params, "url"); linked && mode != "url" {
		return false
	}
	switch {
	case !given || mode == "form":
		return (form || !byURL) && !asksSecret(params)
	case mode == "url":
		return byURL && safeURL(params)
	}
	return false
}

// imitatesElicit finds a key that a reader without regard to case takes for one
// that is judged here. The parser does so for the params of a message alone,
// and these may stand inside a result.
func imitatesElicit(params []byte) bool {
	found := false
	// What is no object has no keys.
	_ = jsonrpc.Members(params, func(name string, _, _ jsonrpc.Span) error {
		switch name {
		case "mode", "url", "requestedSchema":
			return nil
		}
		switch Fold(name) {
		case "mode", "url", "requestedschema":
			found = true
		}
		return nil
	})
	return found
}

// safeURL tells whether params name a URL that a person may be sent to: https,
// or http to this very machine, without a user in it (who reads
// https://bank.example@evil.example wrongly goes there), in ASCII (RFC 3986
// section 2), so that no character hides or imitates another.
func safeURL(params []byte) bool {
	text, ok := memberText(params, "url")
	if !ok || len(text) > maxElicitURL {
		return false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' || text[i] == '\\' { // browsers read \ as /
			return false
		}
	}
	u, err := url.Parse(text)
	if err != nil || u.User != nil || u.Opaque != "" || u.Hostname() == "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

// isLoopback: RFC 6761 section 6.3 for the name, RFC 1122 and RFC 4291 for the
// addresses.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// asksSecret tells whether the form of an elicitation asks for a secret
// (2026-07-28, elicitation: servers MUST NOT use form mode for those). A schema
// that is no object is taken for one that does.
func asksSecret(params []byte) bool {
	schema, ok := member(params, "requestedSchema")
	return ok && (!isObject(schema) || secretSchema(schema))
}

// secretSchema looks for a secret in a schema and in all schemas below it. The
// recursion ends with the depth of the message, which the parser bounds.
func secretSchema(raw []byte) bool {
	found := false
	deeper := func(at jsonrpc.Span) {
		if c := raw[at.Start]; c == '{' || c == '[' {
			found = found || secretSchema(raw[at.Start:at.End])
		}
	}
	if raw[0] == '[' {
		err := jsonrpc.Elements(raw, func(at jsonrpc.Span) error { deeper(at); return nil })
		return found || err != nil
	}
	err := jsonrpc.Members(raw, func(name string, _, at jsonrpc.Span) error {
		value := raw[at.Start:at.End]
		switch {
		case name == "format":
			text, _ := unquote(value)
			found = found || strings.EqualFold(text, "password")
		case name == "properties" && isObject(value):
			found = found || secretProperties(value)
			return nil
		}
		deeper(at)
		return nil
	})
	return found || err != nil
}

// secretProperties looks at the names and titles of properties, and below. A
// yes or no gives no secret away. Each must be an object, as forms are flat
// lists of plain fields (2025-06-18, elicitation, requested schema).
func secretProperties(raw []byte) bool {
	found := false
	err := jsonrpc.Members(raw, func(name string, _, at jsonrpc.Span) error {
		schema := raw[at.Start:at.End]
		if kind, _ := memberText(schema, "type"); kind != "boolean" {
			title, _ := memberText(schema, "title")
			found = found || isSecretField(name) || isSecretField(title)
		}
		found = found || !isObject(schema) || secretSchema(schema)
		return nil
	})
	return found || err != nil
}

// isSecretField knows names of form fields that hold a secret: those of
// isSecret, a few that are whole names only (a pin is not in shipping), and what
// begins or ends like the plainest of them, however it is spelled (newPassword,
// "Password (again)", github_token, contraseña).
func isSecretField(name string) bool {
	name = strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, norm.NFD.String(Fold(name)))
	if isSecret(name) {
		return true
	}
	switch name {
	case "pwd", "pin", "pincode", "otp", "onetimepassword", "cvv", "cvc", "cardnumber", "creditcardnumber",
		"ssn", "socialsecuritynumber", "passwort", "kennwort", "contrasena":
		return true
	}
	for _, word := range [...]string{"password", "passwd", "passphrase", "passcode"} {
		if strings.HasPrefix(name, word) || strings.HasSuffix(name, word) {
			return true
		}
	}
	for _, word := range [...]string{"secret", "token", "apikey", "accesskey", "secretkey", "privatekey", "credential", "credentials"} {
		if strings.HasSuffix(name, word) {
			return true
		}
	}
	return false
}
