package main

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"doorward/internal/httpsig"
)

// The key of sign.txtar.
const (
	signingKey   = "dw_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
	signingKeyID = "k_0123456789"
)

// signed verifies a request as a gateway does; its headers are in a file, a line
// each:
//
//	signed HEADERS METHOD BASE TARGET BODYFILE
func signed(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 5 {
		ts.Fatalf("usage: signed HEADERS METHOD BASE TARGET BODYFILE")
	}
	header := http.Header{}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		header.Add(name, value)
	}
	err := verified(httpsig.Request{Method: args[1], Base: args[2], Target: args[3], Header: header}, ts.ReadFile(args[4]))
	if (err != nil) != neg {
		ts.Fatalf("the signature: %v", err)
	}
}

func verified(r httpsig.Request, body string) error {
	in, err := httpsig.Parse(r.Header)
	if err != nil {
		return err
	}
	if in.KeyID != signingKeyID || in.Digest != sha256.Sum256([]byte(body)) {
		return errors.New("it is of another key or body")
	}
	secret := httpsig.Secret(signingKey)
	return in.Verify(secret[:], r)
}
