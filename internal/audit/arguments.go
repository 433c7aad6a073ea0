package audit

import (
	"bytes"
	"errors"
	"hash"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Arguments says what a record keeps of what a call says (audit.arguments).
type Arguments uint8

// What is kept. The zero value is the shipped default.
const (
	Sealed Arguments = iota // a digest, and the arguments sealed: only Log.Open reads them
	Hashed                  // a digest alone
	Plain                   // a digest, and the arguments as they are
	None                    // nothing
)

// The sentinels of Log.Open.
var (
	ErrNotKept  = errors.New("the record does not hold the arguments")
	ErrOtherKey = errors.New("the arguments were sealed with another audit.key")
	ErrTampered = errors.New("the sealed arguments are not those of this record")
)

// The methods whose params have arguments. Of everything else in params, _meta
// and the answers to questions among it, nothing is kept.
const (
	methodCall   = "tools/call"
	methodPrompt = "prompts/get"
)

// keeper takes of a message what is kept. Each entry has its own.
type keeper struct {
	how  Arguments
	mac  hash.Hash
	seal sealer
}

// keep puts on record what the configuration wants kept of the message, nil for
// none. An error means that it could not be sealed.
func (e *entry) keep(m *gate.Message) error {
	k, r := &e.keeper, &e.rec
	if m == nil || k.how == None {
		return nil
	}
	params := m.Bytes(m.Params)
	if params == nil {
		return nil
	}
	k.mac.Reset()
	k.mac.Write(params)
	k.mac.Sum(r.Arguments[:0])
	if m.Kind != gate.Request || m.Method != methodCall && m.Method != methodPrompt {
		return nil
	}
	arguments := []byte{}
	if at, ok := m.Field("arguments"); ok {
		arguments = m.Bytes(at)
	}
	if len(arguments) > maxArguments {
		return nil
	}
	var err error
	switch k.how {
	case Sealed:
		r.Sealed, err = k.seal.seal(r.Exchange, arguments)
	case Plain:
		if utf8.Valid(arguments) { // or the record would hold others
			r.Plain = arguments
		}
	case Hashed, None:
	}
	return err
}

// Open gives the arguments of a call, byte for byte as the client sent them, and
// none for a call without any; r is its intent, or its only record. It is
// ErrNotKept where they were hashed, left out or longer than 32 KiB, ErrOtherKey
// where another installation sealed them, ErrTampered where they, or the record
// they are in, were changed. Whoever calls it has put on record that they do.
func (l *Log) Open(r *Record) ([]byte, error) {
	switch {
	case len(r.Sealed) > 0:
		return l.vault.open(r.Exchange, r.Sealed)
	case r.Plain != nil:
		return bytes.Clone(r.Plain), nil
	}
	return nil, ErrNotKept
}
