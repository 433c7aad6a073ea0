package identify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"doorward/internal/gate"
)

const methodAPIKey = "api_key"

// maxCredential bounds an Authorization header in bytes: more than ten times a
// key, and little enough to hash without care.
const maxCredential = 512

// KeyInfo is what the key store knows about a key.
type KeyInfo struct {
	ID      string // public; required
	Name    string // the subject; required
	Roles   []string
	Expires time.Time // zero: never
}

// Keys is the key store. Its errors wrap ErrUnknown, ErrExpired or ErrRevoked
// for a key that it has judged; any other error means that it cannot judge.
type Keys interface {
	Lookup(text string) (KeyInfo, error)
}

// The judgements of a key store. With the last two it may return the KeyInfo,
// for the audit log.
var (
	ErrUnknown = errors.New("unknown key")
	ErrExpired = errors.New("key has expired")
	ErrRevoked = errors.New("key is revoked")
)

const notAccepted = "the credential was not accepted"

func invalid(reason string) (gate.Verdict, error) {
	return gate.Refuse(gate.CodeBadCredential, reason, notAccepted), nil
}

// apiKey judges the Authorization header. values is all of them, present or
// empty.
func (s *Stage) apiKey(ex *gate.Exchange, values []string) (gate.Verdict, error) {
	if s.keys == nil {
		return invalid("an Authorization header, and no method that takes one")
	}
	if len(values) != 1 {
		return invalid("more than one Authorization header, or an empty one")
	}
	text, fault := bearer(values[0])
	if fault != "" {
		return invalid(fault)
	}
	key, err := s.lookup(text)
	switch {
	case errors.Is(err, ErrUnknown):
		return invalid("unknown key")
	case errors.Is(err, ErrRevoked):
		return invalid("revoked key " + key.ID)
	case errors.Is(err, ErrExpired), err == nil && !key.Expires.IsZero() && !time.Now().Before(key.Expires):
		return gate.Refuse(gate.CodeExpiredCredential, "expired key "+key.ID, "the API key has expired"), nil
	case err == nil && (key.ID == "" || key.Name == ""):
		err = errors.New("the key store gave a key without id or name")
	}
	if err != nil {
		return gate.Verdict{}, &gate.Error{
			Code: gate.CodeIdentityDown, Public: "credentials cannot be checked now",
			Op: "looking up API key", Err: err,
		}
	}
	ex.Principal = &gate.Principal{
		Method: methodAPIKey, Subject: key.Name, Credential: key.ID,
		Roles: sorted(key.Roles), Expires: key.Expires,
	}
	return gate.Pass(), nil
}

// lookup asks the store; a panic in it is an error. What it panicked with is
// not repeated: it could hold the key.
func (s *Stage) lookup(text string) (key KeyInfo, err error) {
	defer func() {
		if p := recover(); p != nil {
			key, err = KeyInfo{}, fmt.Errorf("the key store panicked (%T)", p)
		}
	}()
	return s.keys.Lookup(text)
}

// bearer takes the token from "Bearer TOKEN" (RFC 6750 §2.1): one space, and a
// token68 (RFC 9110 §11.2). fault says what is wrong and quotes nothing.
func bearer(value string) (token, fault string) {
	if len(value) > maxCredential {
		return "", "Authorization header too long"
	}
	scheme, token, found := strings.Cut(value, " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", "Authorization scheme other than Bearer"
	case !found || token == "":
		return "", "Bearer without a token"
	}
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		if !token68(body[i]) {
			return "", "token with a character that no token has"
		}
	}
	if body == "" {
		return "", "Bearer without a token"
	}
	return token, ""
}

func token68(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~+/", c) >= 0
}
