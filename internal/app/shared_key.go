package app

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"doorward/internal/secret"
)

// sharedKey is the key that seals what gateways share and what clients carry: state.key
// of the configuration, or else that of the data directory, which is then this gateway's
// own. What nobody but this gateway keeps is sealed with the latter in any case.
func (a *App) sharedKey(dir string) (key [32]byte, err error) {
	name := a.Config.State.Key
	if name == "" {
		return stateKey(filepath.Join(dir, "state.key"))
	}
	s := a.Config.Secrets[name]
	held, err := a.places.Open([]secret.Source{{Name: name, From: s.From, Required: true, Type: s.Type}})
	if err != nil {
		return key, fmt.Errorf("state.key: %w", err)
	}
	value, err := held.Get(name)
	if err != nil {
		return key, fmt.Errorf("state.key: %w", err)
	}
	b, err := hex.DecodeString(strings.TrimSpace(value.Reveal()))
	if err != nil || len(b) != len(key) {
		return key, fmt.Errorf("state.key: the secret %s is not 64 hex digits: make it with openssl rand -hex 32", name)
	}
	return [32]byte(b), nil
}
