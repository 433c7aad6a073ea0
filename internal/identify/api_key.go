package identify

import (
	"errors"
	"time"

	"doorward/internal/gate"
)

// keyPrefix begins every API key (store.Prefix), and no JWT: those begin with the
// base64 of a brace.
const keyPrefix = "dw_"

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

// The judgements of a key store, and of the issuers of tokens. With the last two
// it may return the KeyInfo, for the audit log.
var (
	ErrUnknown = errors.New("unknown key")
	ErrExpired = errors.New("key has expired")
	ErrRevoked = errors.New("key is revoked")
	// ErrNoSigning is that of a key that was not made to sign.
	ErrNoSigning = errors.New("key may not sign")
)

// judged tells whether a key store has judged a key: nil is that it is good.
func judged(err error) bool {
	return err == nil || errors.Is(err, ErrUnknown) || errors.Is(err, ErrExpired) || errors.Is(err, ErrRevoked) || errors.Is(err, ErrNoSigning)
}

// apiKey judges the text of a bearer key.
func (s *Stage) apiKey(ex *gate.Exchange, text string) (*proof, gate.Verdict, error) {
	ex.Attempt.Method, ex.Attempt.Realm = gate.MethodAPIKey, gate.RealmKeys
	key, err := guarded("the key store", func() (KeyInfo, error) { return s.Keys.Lookup(text) })
	return s.owner(ex, gate.MethodAPIKey, key, err)
}

// owner is the principal of a key that the store has judged.
func (s *Stage) owner(ex *gate.Exchange, method string, key KeyInfo, err error) (*proof, gate.Verdict, error) {
	v := gate.Pass()
	switch {
	case errors.Is(err, ErrUnknown):
		v, err = invalid("unknown key")
	case errors.Is(err, ErrRevoked):
		v, err = invalid("revoked key")
	case errors.Is(err, ErrNoSigning):
		v, err = invalid("a key that was not made to sign: doorward key create --signing makes one")
	case errors.Is(err, ErrExpired), err == nil && !key.Expires.IsZero() && !time.Now().Before(key.Expires):
		v, err = gate.Refuse(gate.CodeExpiredCredential, "expired key", notAccepted), nil
	case err == nil && (key.ID == "" || key.Name == ""):
		err = errors.New("the key store gave a key without id or name")
	}
	if err != nil {
		return nil, gate.Verdict{}, down("looking up an API key", err)
	}
	ex.Attempt.Subject, ex.Attempt.Credential = key.Name, key.ID
	if v.Effect != gate.Continue {
		return nil, v, nil
	}
	return &proof{who: &gate.Principal{
		Method: method, Realm: gate.RealmKeys, Subject: key.Name, Credential: key.ID,
		Roles: sorted(key.Roles), Expires: key.Expires,
	}}, v, nil
}
