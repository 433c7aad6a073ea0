package audit

import (
	"errors"
	"hash"
	"unicode/utf8"

	"doorward/internal/gate"
)

// Arguments says what a record keeps of what a call says (audit.arguments).
type Arguments uint8

// What is kept. The zero value is the shipped default.
const (
	Sealed Arguments = iota // a digest, and the arguments sealed: only a Keyring opens them
	Hashed                  // a digest alone
	Plain                   // a digest, and the arguments as they are
	None                    // nothing
)

// The sentinels of a Keyring.
var (
	ErrNotKept  = errors.New("the record does not hold the arguments")
	ErrOtherKey = errors.New("it was sealed with another audit.key")
	ErrTampered = errors.New("what is sealed is not of this record")
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
	out  []byte // of the last arguments that were sealed
	note identity

	rules    fieldRules
	key      []byte    // of the installation
	fieldMAC hash.Hash // for tenant
	tenant   string

	times [gate.MaxStages]gate.StageTime
}

// keep puts on record what the configuration wants kept of the message, if there is
// one. An error means that it could not be sealed.
func (e *entry) keep(ex *gate.Exchange) error {
	k, r := &e.keeper, &e.rec
	m := ex.Call.Message
	if m == nil || k.how == None && len(k.rules) == 0 {
		return nil
	}
	params := m.Bytes(m.Params)
	if params == nil {
		return nil
	}
	if k.how != None {
		k.mac.Reset()
		k.mac.Write(params)
		k.mac.Sum(r.Arguments[:0])
	}
	if m.Kind != gate.Request || m.Method != methodCall && m.Method != methodPrompt {
		return nil
	}
	arguments := []byte{}
	if at, ok := m.Field("arguments"); ok {
		arguments = m.Bytes(at)
	}
	rules, known := k.rules.of(ex)
	if !known {
		return nil
	}
	var err error
	if len(rules) > 0 {
		if len(arguments) > maxSearched {
			return nil
		}
		if arguments, err = e.apart(rules, arguments); err != nil {
			return err
		}
	}
	if len(arguments) > maxArguments {
		return nil
	}
	switch k.how {
	case Sealed:
		var who *subject
		if who, err = k.note.of(r); err != nil {
			return err
		}
		k.out, err = who.seal(k.out[:0], arguments, k.note.bind(r, boundArguments))
		r.Sealed = k.out
	case Plain:
		if utf8.Valid(arguments) { // or the record would hold others
			r.Plain = arguments
		}
	case Hashed, None:
	}
	return err
}
