package app

import (
	"errors"
	"fmt"
	"log/slog"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
)

// CheckSecrets looks at secrets of a configuration as a gateway does when it starts, but for those
// that are to be skipped, and says what is wrong, by name: one cannot be had, has the wrong type, is
// an example, or could be guessed where it proves who Doorward is. Nothing is written, no value is
// kept, and what Vault makes for it is given back.
func CheckSecrets(cfg *config.Config, environment []string, skip func(config.Secret) bool) (faults map[string]error, err error) {
	a := &App{Options: Options{Config: cfg, Environment: environment, Log: slog.New(slog.DiscardHandler)}}
	if err := a.openSecrets(cfg.DataDir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.leaveVault()) }()
	faults = map[string]error{}
	for _, name := range names(cfg.Secrets) {
		if skip(cfg.Secrets[name]) {
			continue
		}
		if fault := a.checkSecret(cfg, name); fault != nil {
			faults[name] = fault
		}
	}
	return faults, nil
}

// checkSecret is what is wrong with one; nil: nothing is.
func (a *App) checkSecret(cfg *config.Config, name string) error {
	s := cfg.Secrets[name]
	held, err := a.places.Open([]secret.Source{{Name: name, From: s.From, Required: s.Required, Type: s.Type}})
	if err != nil {
		return err
	}
	value, err := held.Get(name)
	if errors.Is(err, secret.ErrAbsent) {
		return nil // it is not required
	}
	if err != nil {
		return err
	}
	return errors.Join(exampleFault(name, value), proofFaults(cfg, name, value))
}

func exampleFault(name string, value gate.Secret) error {
	if why := example(value.Reveal()); why != "" {
		return fmt.Errorf("secret %s %s", name, why)
	}
	return nil
}

func proofFaults(cfg *config.Config, name string, value gate.Secret) error {
	var faults []error
	for _, p := range proofs(cfg) {
		if p.secret != name {
			continue
		}
		if why := p.weak(value); why != "" {
			faults = append(faults, fmt.Errorf("secret %s %s, and %s needs it: %s", name, why, p.field, p.remedy))
		}
	}
	return errors.Join(faults...)
}
