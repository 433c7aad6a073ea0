package identify

import (
	"context"
	"fmt"
	"maps"
	"time"

	"doorward/internal/gate"
	"doorward/internal/httpsig"
)

// SignatureMethod is how signed requests (RFC 9421) are judged.
type SignatureMethod struct {
	Keys   Signers
	Once   Once
	Window time.Duration // how far the time of a signature may be from now
}

// Signers is the key store, asked by a key's public id. Its judgements are those
// of Keys and ErrNoSigning.
type Signers interface {
	// Signer is what the key with this id signs with. It returns a secret with a
	// judgement too, so that verifying takes as long (AUT-45).
	Signer(id string) (secret [32]byte, key KeyInfo, err error)
	// Used notes that the key has signed.
	Used(id string)
}

// signature judges the signature of a request. Whose key it is matters only once
// the signature is good: an id is public, and whoever names one hears nothing of
// its key. The nonce is used up last, so that nobody else can use it up. What was
// signed is the digest of the body: decode holds the body to it.
func (s *Stage) signature(ctx context.Context, ex *gate.Exchange) (*proof, gate.Verdict, error) {
	in := &ex.Inbound
	_, input := in.Header["Signature-Input"]
	if _, present := in.Header["Signature"]; !present && !input {
		return nil, gate.Pass(), nil
	}
	ex.Attempt = gate.Attempt{Method: gate.MethodSignature, Realm: gate.RealmKeys}
	if s.Signatures == nil {
		return refused("a signature, and no method that takes one")
	}
	if oneTime(in) {
		return refused(oneTimeOnly)
	}
	signed, err := httpsig.Parse(in.Header)
	if err != nil {
		return refused("signature: " + err.Error())
	}
	if age := time.Since(signed.Created).Abs(); age > s.Signatures.Window {
		return refused("signature: its time is outside the window")
	}
	if in.Op != "" && signed.Digest != nothing() {
		return refused("signature: a digest of a body that there is not")
	}
	type signer struct {
		secret [32]byte
		key    KeyInfo
		fault  error // the store's judgement
	}
	by, err := guarded("the key store", func() (by signer, err error) {
		by.secret, by.key, by.fault = s.Signatures.Keys.Signer(signed.KeyID)
		if !judged(by.fault) {
			err = by.fault
		}
		return by, err
	})
	if err != nil {
		return nil, gate.Verdict{}, down("looking up a signing key", err)
	}
	if err := signed.Verify(by.secret[:], request(in)); err != nil {
		return refused(fmt.Sprintf("signature: %v (%s)", err, reasonOf(by.fault)))
	}
	p, v, err := s.owner(ex, gate.MethodSignature, by.key, by.fault)
	if p == nil || err != nil {
		return p, v, err
	}
	if v, err := s.once(ctx, signed); err != nil || v.Effect != gate.Continue {
		return nil, v, err
	}
	s.Signatures.Keys.Used(by.key.ID)
	ex.Digest = &signed.Digest
	return p, v, nil
}

// reasonOf says for the operator how the key stands that a bad signature names.
func reasonOf(fault error) string {
	if fault == nil {
		return "the key is good"
	}
	return fault.Error()
}

// request is what was signed. A client's own keys for upstreams are covered too, or
// whoever can alter a request could put another's in their place.
func request(in *gate.Inbound) httpsig.Request {
	r := httpsig.Request{Method: in.Method, Base: in.Base, Target: in.Target, Header: in.Header}
	if len(in.Keys) > 0 {
		r.Header = maps.Clone(in.Header)
		for name, key := range in.Keys {
			r.Header[name] = []string{key.Reveal()}
			r.Cover = append(r.Cover, name)
		}
	}
	return r
}

// once uses up the signature's nonce.
func (s *Stage) once(ctx context.Context, signed *httpsig.Input) (gate.Verdict, error) {
	// A signature can be good until its time and the window; twice that leaves no
	// moment in which it is good and its nonce forgotten (AUT-43).
	until := signed.Created.Add(2 * s.Signatures.Window)
	fresh, err := guarded("the memory of nonces", func() (bool, error) {
		return s.Signatures.Once.Use(ctx, "signature:"+signed.KeyID+":"+signed.Nonce, signed.Created, until)
	})
	switch {
	case err != nil:
		return gate.Verdict{}, down("remembering a nonce", err)
	case !fresh:
		return invalid("signature: it was used before, or before this gateway began to remember")
	}
	return gate.Pass(), nil
}
