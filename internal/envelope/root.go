package envelope

import (
	"bytes"
	"fmt"
)

// Root is a root key, and while it is replaced the next one beside it: both open, and
// the next one seals. The zero Root opens and seals nothing. It never changes: what
// replaces a key returns another Root.
type Root struct{ now, next []byte }

// NewRoot is a random one.
func NewRoot() Root { return Root{now: NewKey()} }

// ParseRoot reads what Bytes wrote: one key or two.
func ParseRoot(text []byte) (Root, error) {
	switch len(text) {
	case KeySize:
		return Root{now: bytes.Clone(text)}, nil
	case 2 * KeySize:
		return Root{now: bytes.Clone(text[:KeySize]), next: bytes.Clone(text[KeySize:])}, nil
	}
	return Root{}, fmt.Errorf("a root key has %d bytes, or %d while it is replaced, not %d", KeySize, 2*KeySize, len(text))
}

// Bytes is the root as it is kept.
func (r Root) Bytes() []byte { return bytes.Join([][]byte{r.now, r.next}, nil) }

// Changing tells whether it is being replaced.
func (r Root) Changing() bool { return r.next != nil }

// Changed begins to replace the key. One that is being replaced already stays as it is:
// something may be sealed under the next key.
func (r Root) Changed() Root {
	if r.next == nil {
		r.next = NewKey()
	}
	return r
}

// Settled ends it: the next key is the only one.
func (r Root) Settled() Root {
	if r.next == nil {
		return r
	}
	return Root{now: r.next}
}

// Wrap seals a key under the newest root key.
func (r Root) Wrap(key, bound []byte) ([]byte, error) {
	if r.next != nil {
		return Seal(r.next, key, bound)
	}
	return Seal(r.now, key, bound)
}

// Unwrap opens a key with either root key.
func (r Root) Unwrap(wrapped, bound []byte) ([]byte, error) {
	key, err := Open(r.now, wrapped, bound)
	if err != nil && r.next != nil {
		return Open(r.next, wrapped, bound)
	}
	return key, err
}
