package audit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"doorward/internal/durable"
)

// Keyring opens what is sealed in the records of one log. Whoever has one has put on
// record that they open it. It is a copy: what is erased or made later is not in
// it.
type Keyring struct {
	vault *vault
	root  root
	keys  map[SubjectID]keyEntry
}

// OpenKeyring reads the keys of a log. keyFile is the installation's (Config.KeyFile).
func OpenKeyring(dir, keyFile string) (*Keyring, error) {
	key, err := readKey(keyFile)
	if err != nil {
		return nil, fmt.Errorf("opening the keys of %s: %w", dir, err)
	}
	k := &Keyring{vault: newVault(key), keys: map[SubjectID]keyEntry{}}
	base := keyBase(dir, keyFile)
	f, err := durable.Open(base+".subjects", os.O_RDONLY)
	if isNotExist(err) {
		return k, nil // a log of an earlier format
	}
	if err != nil {
		return nil, fmt.Errorf("opening the keys of %s: %w", dir, err)
	}
	defer f.Close()
	err = eachEntry(f, func(e keyEntry) error {
		k.keys[e.id] = e
		return nil
	})
	if err == nil {
		k.root, err = readRoot(base + ".root")
	}
	if err != nil {
		return nil, fmt.Errorf("opening the keys of %s: %w", dir, err)
	}
	return k, nil
}

// keyBase is what the files of a log's keys begin with: beside the installation's
// key, with the name of the log's directory.
func keyBase(dir, keyFile string) string {
	return filepath.Join(filepath.Dir(keyFile), filepath.Base(filepath.Clean(dir)))
}

// Of finds the keys of whoever has this subject, in any realm and tenant.
func (k *Keyring) Of(subject string) []SubjectID {
	var ids []SubjectID
	name := k.root.blind(subject)
	for id, e := range k.keys {
		if e.name == name {
			ids = append(ids, id)
		}
	}
	return ids
}

// Has tells whether a key is there.
func (k *Keyring) Has(id SubjectID) bool {
	_, ok := k.keys[id]
	return ok
}

// Arguments gives the arguments of a call, byte for byte as the client sent them, and
// none for a call without any; r is its intent, or its only record. It is
// ErrNotKept where they, or one of them, were hashed, left out or longer than 32 KiB, ErrOtherKey
// where another installation sealed them, ErrErased where the person's key was
// destroyed, ErrTampered where they, or the record they are in, were changed.
func (k *Keyring) Arguments(r *Record) ([]byte, error) {
	if !r.whole() {
		return nil, ErrNotKept
	}
	return k.arguments(r)
}

// arguments are those of Arguments, with null in place of what has a rule of its own.
func (k *Keyring) arguments(r *Record) ([]byte, error) {
	switch {
	case len(r.Sealed) > 0 && r.Key == (SubjectID{}):
		return k.vault.open(r.Exchange, r.Sealed)
	case len(r.Sealed) > 0:
		return k.open(r, r.Sealed, boundArguments)
	case r.Plain != nil:
		return bytes.Clone(r.Plain), nil
	}
	return nil, ErrNotKept
}

// Reveal puts back into a record who it is about. Its errors are those of Arguments;
// with one, the record is as it was.
func (k *Keyring) Reveal(r *Record) error {
	if len(r.Person) == 0 {
		return nil
	}
	plain, err := k.open(r, r.Person, boundPerson)
	if err != nil {
		return err
	}
	out := *r
	p := parser{s: string(plain)}
	err = p.object(func(key string) (err error) {
		switch key {
		case "act":
			out.Act, err = p.actors()
		case "agent":
			out.Agent, err = p.text()
		case "remote":
			out.Remote, err = p.addr()
		case "subject":
			out.Principal.Subject, err = p.text()
		default:
			err = p.fault("unknown key " + strconv.Quote(key))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTampered, err)
	}
	*r = out
	return nil
}

// Line is a line of the log with everything in it that the keyring can open: what is
// left sealed has lost its key, or was not of this record.
func (k *Keyring) Line(line []byte) ([]byte, error) {
	var d decoder
	var r Record
	if err := d.decode(line, &r); err != nil {
		return nil, err
	}
	if k.Reveal(&r) == nil {
		r.Person = nil
	}
	if arguments, err := k.arguments(&r); err == nil && utf8.Valid(arguments) {
		r.Plain, r.Sealed = arguments, nil
	}
	for i := range r.Fields {
		if err := k.field(&r, &r.Fields[i]); err != nil {
			return nil, err
		}
	}
	return r.AppendJSON(nil), nil
}

// field opens one argument that is sealed by itself. One whose key is gone stays as it
// is.
func (k *Keyring) field(r *Record, f *Kept) error {
	if f.As != AsSealed {
		return nil
	}
	sealed, err := base64.RawStdEncoding.DecodeString(f.Value)
	if err != nil {
		return fmt.Errorf("field %s: %w", f.Path, ErrTampered)
	}
	value, err := k.open(r, sealed, boundField+f.Path)
	if err == nil && utf8.Valid(value) {
		f.As, f.Value = AsPlain, string(value)
	}
	return nil
}

func (k *Keyring) open(r *Record, sealed []byte, field string) ([]byte, error) {
	e, ok := k.keys[r.Key]
	if !ok {
		return nil, ErrErased
	}
	key, err := k.root.unwrap(&e)
	if err != nil {
		return nil, errors.Join(ErrOtherKey, err)
	}
	var n identity
	return unseal(key, sealed, n.bind(r, field))
}
