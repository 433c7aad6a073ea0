package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/lock"
)

// openPins reads the lock file; a signed one is on record with its number, and so
// is one that is not believed.
func (a *App) openPins(dir string) error {
	sign, err := LockSigning(a.Config)
	if err != nil {
		return err
	}
	a.pins, err = lock.Open(lock.Config{
		Path: a.Config.Trust.Lock, Observed: filepath.Join(dir, "observed.json"), Log: a.Log,
		FirstUse: firstUse(a.Config.Trust.FirstUse), Signing: sign, Findings: effects(a.Config.Trust.Findings),
		Changed: a.recordChange, Inspect: a.examine,
	})
	return a.recordLock(context.Background(), err)
}

// LockSigning is who is believed about the lock file.
func LockSigning(cfg *config.Config) (lock.Signing, error) {
	s := lock.Signing{Kept: filepath.Join(cfg.DataDir, "lock.sequence")}
	for _, text := range cfg.Trust.Signers {
		key, err := lock.ParseSigner(text)
		if err != nil {
			return s, fmt.Errorf("trust.signers: %w", err)
		}
		s.Signers = append(s.Signers, key)
	}
	if cfg.Trust.Signing == "" {
		return s, nil
	}
	key, err := lock.ReadKey(cfg.Trust.Signing)
	if err != nil {
		return s, fmt.Errorf("trust.signing: %w", err)
	}
	s.Key = key
	own, _ := key.Public().(ed25519.PublicKey) // it is no other
	switch {
	case len(s.Signers) == 0:
		s.Signers = []ed25519.PublicKey{own}
	case !slices.ContainsFunc(s.Signers, func(k ed25519.PublicKey) bool { return k.Equal(own) }):
		return s, fmt.Errorf("trust.signing: the key is %s, which is not among trust.signers", lock.SignerText(own))
	}
	return s, nil
}

// effects are what follows from findings; config knows no other words.
func effects(f config.Findings) lock.Effects {
	of := func(word string) lock.Effect {
		switch word {
		case "hold":
			return lock.Hold
		case "warn":
			return lock.Warn
		}
		return lock.Block
	}
	return lock.Effects{High: of(f.High), Medium: of(f.Medium), Low: of(f.Low)}
}

// recordLock puts on record which lock is in force from now on, or that one was
// refused.
func (a *App) recordLock(ctx context.Context, refused error) error {
	e := gate.Event{Kind: "trust.lock", Actor: "doorward", Status: "ok"}
	if u, ok := errors.AsType[*lock.Untrusted](refused); ok {
		e.Status, e.Detail = "refused", u.Error()
	} else if refused != nil {
		return refused
	} else if n, by := a.pins.Signed(); n > 0 {
		e.Detail = fmt.Sprintf("number %d, signed by %s", n, by)
	} else {
		return nil
	}
	return errors.Join(refused, a.trail.Event(ctx, e))
}

// maxNamed bounds what an event says of a name, in bytes.
const maxNamed = 200

// recordChange puts on record that an upstream offers something else than what was
// decided about: which, and which digest it has now. Both definitions are kept, by
// the lock and in observed.json.
func (a *App) recordChange(it *gate.Item, decided gate.Digest) {
	name := gate.Visible(it.Name)
	err := a.trail.Event(context.Background(), gate.Event{
		Kind: "trust.changed", Actor: "doorward", Upstream: it.Upstream, Status: "refused",
		Detail: fmt.Sprintf("%s %s is %s and was %s", it.Kind, name[:min(len(name), maxNamed)], it.Digest, decided),
	})
	if err != nil { // it is withheld either way
		a.Log.Error("a change of a definition is not on record", "upstream", it.Upstream, "error", err)
	}
}

// reloadPins reads the lock file again. One that is refused changes nothing.
func (a *App) reloadPins(ctx context.Context) error {
	before, _ := a.pins.Signed()
	err := a.pins.Reload()
	if now, _ := a.pins.Signed(); err == nil && now == before {
		return nil
	}
	return a.recordLock(ctx, err)
}
