// Package keyring reads secrets from the keyring of the operating system: on Linux from whoever
// offers the Secret Service on the session's D-Bus (GNOME Keyring, KWallet, KeePassXC), on macOS
// from the Keychain, on Windows from the Credential Manager. App makes a Keyring and hands its
// Read to package secret.
//
// It never writes there, never has a keyring unlocked, which would ask a person, logs nothing, and
// no error of it holds a value.
package keyring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	patience    = 5 * time.Second        // of one reading
	recent      = 10 * time.Second       // for how long a value is not asked for again
	pauseValue  = 100 * time.Millisecond // the same for who asks anew: an upstream that turns everything away must not make a reading of each call
	outage      = time.Minute            // for how long a value counts while nobody answers
	between     = time.Second            // between two tries of what failed
	maxItems    = 1000
	maxWhere    = 512     // bytes of a reference
	maxAnswered = 1 << 17 // bytes of all that a keyring answers in one reading
)

// ErrAbsent is in the error of what the keyring does not have, does not give out, or cannot be
// asked for now.
var ErrAbsent = errors.New("the keyring does not give it out")

// errSilent is in the error of a reading that nobody has answered: it says nothing of the item.
var errSilent = fmt.Errorf("%w: nobody answers for it", ErrAbsent)

// Keyring is that of the user whom Doorward runs as. Any number of goroutines may use it. It
// holds nothing that must be closed.
type Keyring struct {
	ask      func(ctx context.Context, service, account string) (item, error)
	patience time.Duration

	mu    sync.Mutex // guards items
	items map[string]*held
}

// New is the keyring. environ is asked for variables, at each reading. Nothing is asked yet.
func New(environ func(string) (string, bool)) *Keyring {
	return &Keyring{ask: place{environ}.ask, patience: patience, items: map[string]*held{}}
}

// place is the operating system's keyring.
type place struct {
	environ func(string) (string, bool)
}

// Split takes a reference apart: SERVICE/ACCOUNT. An account may have slashes.
func Split(where string) (service, account string, ok bool) {
	service, account, ok = strings.Cut(where, "/")
	odd := strings.ContainsFunc(where, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' })
	return service, account, ok && service != "" && account != "" && len(where) <= maxWhere && !odd && !strings.HasPrefix(where, "-")
}

// item is what a keyring has of an account.
type item struct {
	text    string
	changed time.Time // zero where the keyring does not know
}

// held is the last answer for one account.
type held struct {
	asking sync.Mutex // one reading at a time
	mu     sync.Mutex // guards the rest
	got    item
	read   time.Time // when got was; zero: there is none
	tried  time.Time // when somebody has asked last, and was answered or not
	err    error     // of that
}

// Read is a secret as the keyring has it, and since when it has this value; the zero time where
// the keyring does not say. What was read is not asked for again within ten seconds, unless fresh
// says so, and counts for a minute while nobody answers; what the keyring says itself, that the
// item is gone or locked, counts at once.
func (k *Keyring) Read(where string, fresh bool) (text string, changed time.Time, err error) {
	service, account, ok := Split(where)
	if !ok {
		return "", time.Time{}, errors.New("is asked for by SERVICE/ACCOUNT")
	}
	h, err := k.held(where)
	if err != nil {
		return "", time.Time{}, err
	}
	now := time.Now()
	got, age := h.now(now)
	if age < pauseValue || age < recent && !fresh {
		return got.text, got.changed, nil
	}
	if age < outage && !fresh {
		if !h.asking.TryLock() {
			return got.text, got.changed, nil // somebody else asks, and calls do not wait for it
		}
	} else {
		h.asking.Lock()
	}
	defer h.asking.Unlock()
	if !h.stands(now) {
		ctx, cancel := context.WithTimeout(context.Background(), k.patience)
		defer cancel()
		h.keep(k.ask(ctx, service, account))
	}
	if got, age = h.now(time.Now()); age >= outage {
		return "", time.Time{}, h.fault()
	}
	return got.text, got.changed, nil
}

// held is what is held of an account.
func (k *Keyring) held(where string) (*held, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.items[where]
	if h == nil {
		if len(k.items) >= maxItems {
			return nil, fmt.Errorf("has been asked for %d accounts already", maxItems)
		}
		h = &held{}
		k.items[where] = h
	}
	return h, nil
}

// now is what was read, and how long ago; more than an outage where there is nothing that counts.
func (h *held) now(at time.Time) (got item, age time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.read.IsZero() {
		return item{}, outage
	}
	return h.got, at.Sub(h.read)
}

// stands tells that somebody has asked since a time, or in vain a moment ago.
func (h *held) stands(since time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tried.After(since) || h.err != nil && since.Sub(h.tried) < between
}

// keep takes an answer. Silence leaves what was read before.
func (h *held) keep(got item, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried, h.err = time.Now(), err
	switch {
	case err == nil:
		h.got, h.read = got, h.tried
	case !errors.Is(err, errSilent):
		h.got, h.read = item{}, time.Time{}
	}
}

func (h *held) fault() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		return errSilent
	}
	return h.err
}

// absentf is an error that the keyring does not give something out.
func absentf(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrAbsent, fmt.Errorf(format, args...))
}
