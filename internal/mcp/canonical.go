package mcp

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/gate"
)

// Canonical is one spelling of a document: RFC
// 8785 (members sorted, strings minimal, no white space), with numbers left as
// they are written. RFC 8785 would round them to 64 bits, and two documents
// that differ only beyond that would look the same. It
// fails on what is no JSON, on duplicate keys and on invalid UTF-8. raw is not
// changed.
func Canonical(raw []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return nil, fmt.Errorf("canonical form: %w", err)
	}
	return v, nil
}

// Pinned is the one spelling of a definition that pins are made of: Canonical,
// with every number in one spelling too. Nothing is left out: unknown fields,
// annotations, icons and _meta are read by models too. The lock and upstream
// call it.
func Pinned(raw []byte) ([]byte, error) {
	text, err := Canonical(raw)
	if err != nil {
		return nil, err
	}
	return plainNumbers(text), nil
}

// DigestOf is the SHA-256 of the kind's word, a NUL and the pinned form, so
// that a prompt's pin never fits a tool.
func DigestOf(kind gate.ItemKind, raw []byte) (gate.Digest, error) {
	pinned, err := Pinned(raw)
	if err != nil {
		return gate.Digest{}, err
	}
	sum := sha256.New()
	sum.Write([]byte(kind.String()))
	sum.Write([]byte{0})
	sum.Write(pinned)
	return gate.Digest(sum.Sum(nil)), nil
}
