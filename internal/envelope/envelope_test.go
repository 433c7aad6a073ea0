package envelope_test

import (
	"bytes"
	"errors"
	"testing"

	"doorward/internal/envelope"
)

func TestSealOpensForItsKeyAndBoundAlone(t *testing.T) {
	key, text, bound := envelope.NewKey(), []byte("CANARY-text"), []byte("name")
	sealed, err := envelope.Seal(key, text, bound)
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) != len(text)+envelope.Overhead || bytes.Contains(sealed, text) {
		t.Errorf("sealed is %q", sealed)
	}
	if got, err := envelope.Open(key, sealed, bound); err != nil || !bytes.Equal(got, text) {
		t.Errorf("opened %q, %v", got, err)
	}
	for name, open := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return envelope.Open(envelope.NewKey(), sealed, bound) },
		"another bound": func() ([]byte, error) { return envelope.Open(key, sealed, []byte("other")) },
		"cut":           func() ([]byte, error) { return envelope.Open(key, sealed[:len(sealed)-1], bound) },
		"empty":         func() ([]byte, error) { return envelope.Open(key, nil, bound) },
	} {
		if got, err := open(); !errors.Is(err, envelope.ErrSealed) || got != nil {
			t.Errorf("%s: opened %q, %v", name, got, err)
		}
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := envelope.Open(key, changed, bound); !errors.Is(err, envelope.ErrSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
}

// While a root is replaced both keys open and the next one seals; then only that.
func TestRootIsReplaced(t *testing.T) {
	bound, key := []byte("who"), envelope.NewKey()
	first := envelope.NewRoot()
	old, err := first.Wrap(key, bound)
	if err != nil {
		t.Fatal(err)
	}
	both := first.Changed()
	if first.Changing() || !both.Changing() || !bytes.Equal(both.Changed().Bytes(), both.Bytes()) {
		t.Error("a root that changes takes one next key, and the one before stays what it was")
	}
	kept, err := envelope.ParseRoot(both.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	anew, err := kept.Wrap(key, bound)
	if err != nil {
		t.Fatal(err)
	}
	last := kept.Settled()
	for _, c := range []struct {
		name    string
		root    envelope.Root
		wrapped []byte
		opens   bool
	}{
		{"both, old", kept, old, true},
		{"both, new", kept, anew, true},
		{"first, new", first, anew, false},
		{"last, new", last, anew, true},
		{"last, old", last, old, false},
		{"settled again", last.Settled(), anew, true},
		{"zero", envelope.Root{}, old, false},
	} {
		got, err := c.root.Unwrap(c.wrapped, bound)
		if opened := err == nil && bytes.Equal(got, key); opened != c.opens {
			t.Errorf("%s: opens %v, want %v (%v)", c.name, opened, c.opens, err)
		}
	}
	if _, err := (envelope.Root{}).Wrap(key, bound); err == nil {
		t.Error("the zero root seals")
	}
}

// What is read as a root is written as the same bytes, and nothing else is one.
func FuzzParseRoot(f *testing.F) {
	f.Add(bytes.Repeat([]byte{1}, envelope.KeySize))
	f.Add(bytes.Repeat([]byte{2}, 2*envelope.KeySize))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, err := envelope.ParseRoot(text)
		good := len(text) == envelope.KeySize || len(text) == 2*envelope.KeySize
		if good != (err == nil) {
			t.Fatalf("%d bytes: %v", len(text), err)
		}
		if good && !bytes.Equal(root.Bytes(), text) {
			t.Errorf("%x became %x", text, root.Bytes())
		}
	})
}
