package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"doorward/internal/store"
)

// farRoot is a root key elsewhere, which counts how often it is asked.
type farRoot struct {
	version, asked int
	fault          error
}

func (f *farRoot) Wrap(key, bound []byte) ([]byte, error) {
	f.asked++
	return fmt.Appendf(nil, "v%d:%x:%x", f.version, bound, key), f.fault
}

func (f *farRoot) Unwrap(wrapped, bound []byte) (key []byte, err error) {
	f.asked++
	parts := bytes.Split(wrapped, []byte(":"))
	if len(parts) != 3 || string(parts[1]) != fmt.Sprintf("%x", bound) || f.fault != nil {
		return nil, errors.Join(errors.New("it does not open"), f.fault)
	}
	_, err = fmt.Sscanf(string(parts[2]), "%x", &key)
	return key, err
}

func (f *farRoot) Version(wrapped []byte) string {
	version, _, _ := strings.Cut(string(wrapped), ":")
	return version
}

// A root key elsewhere is asked once for each key, its new version takes the old one's place
// while secrets are read, and without it nothing is opened or kept.
func TestSecretsUnderARemoteRoot(t *testing.T) {
	dir := t.TempDir()
	far := &farRoot{version: 1}
	s := store.OpenSecrets(dir, store.RemoteSecretsRoot(far))
	if n, err := s.ReplaceRoot(); n != 0 || err != nil {
		t.Errorf("of nothing %d are sealed anew, %v", n, err)
	}
	setSecret(t, s, "a", "value-a", 0)
	holds(t, s, "a", "value-a", "")
	before := far.asked
	for range 100 {
		holds(t, s, "a", "value-a", "")
	}
	if far.asked != before {
		t.Errorf("asked %d times for what is open", far.asked-before)
	}
	if _, err := s.ReplaceRoot(); err == nil || !strings.Contains(err.Error(), "newest version") {
		t.Errorf("without another version: %v", err)
	}
	far.version = 2
	setSecret(t, s, "b", "value-b", 0) // under the second one already
	if n, err := s.ReplaceRoot(); n != 2 || err != nil {
		t.Errorf("sealed %d anew, %v", n, err)
	}
	holds(t, s, "a", "value-a", "")
	if _, err := s.ReplaceRoot(); err == nil {
		t.Error("the second version took its own place")
	}
	far.fault = errors.New("is sealed")
	again := store.OpenSecrets(dir, store.RemoteSecretsRoot(far))
	if v, _, err := again.Read("a"); err == nil || v.Text != "" || errors.Is(err, store.ErrNoSecret) {
		t.Errorf("without it: %q, %v", v.Text, err)
	}
	if err := s.Set("c", "value-c", 0); err == nil {
		t.Error("something was kept without it")
	}
}
