package keyring_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"doorward/internal/secret/keyring"
)

const canary = "CANARY-in-the-keyring"

// answers is a keyring that a test changes.
type answers struct {
	mu    sync.Mutex
	text  string
	err   error
	asked int
	gate  chan struct{} // nil: it answers at once
}

func (a *answers) ask(string) (string, error) {
	a.mu.Lock()
	a.asked++
	gate := a.gate
	a.mu.Unlock()
	if gate != nil {
		<-gate
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.text, a.err
}

func (a *answers) set(text string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.text, a.err = text, err
}

func reads(t *testing.T, k *keyring.Keyring, fresh bool, want string) {
	t.Helper()
	if text, _, err := k.Read("doorward/github", fresh); err != nil || text != want {
		t.Errorf("it is %q, %v; want %q", text, err, want)
	}
}

func refuses(t *testing.T, k *keyring.Keyring, want string) {
	t.Helper()
	text, _, err := k.Read("doorward/github", false)
	if text != "" || !errors.Is(err, keyring.ErrAbsent) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("it is %q, %v; want an error with %q", text, err, want)
	}
}

// A value is asked for again after ten seconds, counts for a minute while nobody answers, and no
// longer than the keyring says.
func TestWhatWasReadCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "one"}
		k := keyring.Asking(a.ask)
		for range 1000 {
			reads(t, k, false, "one")
		}
		a.set("two", nil)
		time.Sleep(9 * time.Second)
		reads(t, k, false, "one")
		reads(t, k, true, "two") // who was turned away asks anew
		for range 1000 {
			reads(t, k, true, "two")
		}
		if a.asked != 2 {
			t.Errorf("it was asked %d times", a.asked)
		}
		a.set("three", nil)
		time.Sleep(10 * time.Second)
		reads(t, k, false, "three")
		a.set("", keyring.ErrSilent)
		for range 59 {
			time.Sleep(time.Second)
			reads(t, k, false, "three")
		}
		time.Sleep(time.Second)
		refuses(t, k, "nobody answers")
		a.set("four", nil)
		refuses(t, k, "nobody answers") // it was asked a moment ago
		time.Sleep(time.Second)
		reads(t, k, false, "four")
		a.set("", fmt.Errorf("%w: it is locked", keyring.ErrAbsent))
		time.Sleep(11 * time.Second)
		refuses(t, k, "locked")
	})
}

// While one reading is under way, calls go on with what counts.
func TestCallsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{text: "one"}
		k := keyring.Asking(a.ask)
		reads(t, k, false, "one")
		time.Sleep(11 * time.Second)
		a.gate, a.text = make(chan struct{}), "two"
		var wg sync.WaitGroup
		wg.Go(func() { reads(t, k, false, "two") })
		synctest.Wait()
		for range 100 {
			reads(t, k, false, "one")
		}
		close(a.gate)
		wg.Wait()
		if a.asked != 2 {
			t.Errorf("it was asked %d times", a.asked)
		}
	})
}

func TestReferences(t *testing.T) {
	for where, want := range map[string]bool{
		"doorward/github": true, "Doorward gateway/me@example.com/1": true, "doorward": false, "": false, "/github": false, "doorward/": false,
		"-s/x": false, "a\n/b": false, "a/\x00": false, strings.Repeat("x", 511) + "/": false, strings.Repeat("x", 512) + "/y": false, "a/\xff": false,
	} {
		if _, _, ok := keyring.Split(where); ok != want {
			t.Errorf("%q is a reference: %v", where, ok)
		}
		if want {
			continue
		}
		k := keyring.Asking(func(string) (string, error) { return canary, nil })
		if text, _, err := k.Read(where, false); err == nil || text != "" {
			t.Errorf("%q was read", where)
		}
	}
}

// What the programs of macOS and Windows write.
func TestOtherSystems(t *testing.T) {
	for printed, want := range map[string]string{
		"password: \"plain\"\n": "plain",
		"keychain: \"x\"\npassword: \"a\"b c\"\nclass: \"genp\"\n":    `a"b c`,
		"password: 0x6C696E6531202A0A6C696E6532  \"line1 *\\012…\"\n": "line1 *\nline2",
		"password: 0xC3BC\n": "ü",
		"password: 0x0\n":    "",
		"password: \n":       "",
		"password: \"\n":     "",
		"security: SecKeychainSearchCopyNext: not found\n": "",
	} {
		if text, ok := keyring.SecurityPassword(printed); text != want || ok != (want != "") {
			t.Errorf("%q reads %q, %v", printed, text, ok)
		}
	}
	for blob, want := range map[string]string{"plain": "plain", "s\x00e\x00c\x00": "sec", "odd\x00o": "odd\x00o", "\xfc\x00\x3d\xd8\x11\xdd": "ü🔑", "": ""} {
		if text := keyring.BlobText([]byte(blob)); text != want {
			t.Errorf("%q reads %q", blob, text)
		}
	}
}
