package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
)

// maxOpened bounds the keys that are kept open: two of each secret, and that of the MAC.
const maxOpened = 2*maxSecrets + 1

// Remote is a root key that never comes here: whoever has it seals and opens keys with it.
type Remote interface {
	Wrapper
	// Version tells versions of the root key apart by what they sealed; empty: none did.
	Version(wrapped []byte) string
}

// remoteRoot keeps what was opened, so that one who is far away is asked once for each key. The
// keys stay in memory until the root key is replaced, as the secrets themselves do with those who
// use them: without that, no secret could be had while nobody answers. They are not overwritten
// then, for a reader may still have one.
type remoteRoot struct {
	remote Remote

	mu     sync.Mutex // guards opened
	opened map[string][]byte
}

// RemoteSecretsRoot is a root key elsewhere. Replace seals under its newest version, and fails
// where there is none that is newer than what all is sealed under.
func RemoteSecretsRoot(r Remote) SecretsRoot {
	return &remoteRoot{remote: r, opened: map[string][]byte{}}
}

// Now implements SecretsRoot. Nothing is asked before something is to be sealed or opened.
func (r *remoteRoot) Now(bool) (Wrapper, error) { return r, nil }

// Wrap implements Wrapper.
func (r *remoteRoot) Wrap(key, bound []byte) ([]byte, error) {
	wrapped, err := r.remote.Wrap(key, bound)
	if err != nil {
		return nil, fmt.Errorf("the root key of secrets: %w", err)
	}
	return wrapped, nil
}

// Unwrap implements Wrapper.
func (r *remoteRoot) Unwrap(wrapped, bound []byte) ([]byte, error) {
	at := string(bytes.Join([][]byte{wrapped, bound}, []byte{0})) // what is sealed has no zero byte
	r.mu.Lock()
	key, known := r.opened[at]
	r.mu.Unlock()
	if known {
		return key, nil
	}
	key, err := r.remote.Unwrap(wrapped, bound)
	if err != nil {
		return nil, fmt.Errorf("the root key of secrets: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.opened) >= maxOpened {
		clear(r.opened)
	}
	r.opened[at] = key
	return key, nil
}

// Replace implements SecretsRoot.
func (r *remoteRoot) Replace(rewrap func(Wrapper) error) error {
	m := &moving{root: r}
	if err := rewrap(m); err != nil {
		return err
	}
	if m.sealed && !m.moved {
		return errors.New("all is sealed under the newest version of the root key already: rotate it where it is, and run this again")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.opened)
	return nil
}

// moving is a root while everything is sealed anew, and whether a version took another's place.
type moving struct {
	root          *remoteRoot
	was           string // version of what was opened last
	sealed, moved bool
}

// Wrap implements Wrapper.
func (m *moving) Wrap(key, bound []byte) ([]byte, error) {
	wrapped, err := m.root.Wrap(key, bound)
	m.sealed = true
	m.moved = m.moved || m.root.remote.Version(wrapped) != m.was
	return wrapped, err
}

// Unwrap implements Wrapper.
func (m *moving) Unwrap(wrapped, bound []byte) ([]byte, error) {
	m.was = m.root.remote.Version(wrapped)
	return m.root.Unwrap(wrapped, bound)
}
