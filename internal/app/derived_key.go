package app

import (
	"crypto/hkdf"
	"crypto/sha256"
	"path/filepath"
)

// What keys are made of the state key for. What was sealed with one opens with the same word alone.
const (
	forAges      = "doorward ages 1"      // of secrets
	forAlerts    = "doorward alerts 1"    // that wait
	forApprovals = "doorward approvals 1" // in Redis: gateways that share them share the state key
	forIncidents = "doorward incidents 1" // where they are kept, and what names in them are shown by
	forProfiles  = "doorward profiles 1"  // of the names in profiles.json
	forSessions  = "doorward sessions 1"  // of their ids, which gateways with one state key read alike
	forSinks     = "doorward sinks 1"     // of the positions of copies
)

// keyFor is a key for one use, made of the state key of a data directory.
func keyFor(dir, use string) (key [sha256.Size]byte, err error) {
	state, err := stateKey(filepath.Join(dir, "state.key"))
	if err != nil {
		return key, err
	}
	return derived(state, use)
}

// derived is a key for one use (HKDF, RFC 5869).
func derived(state [sha256.Size]byte, use string) (key [sha256.Size]byte, err error) {
	b, err := hkdf.Key(sha256.New, state[:], nil, use, len(key))
	copy(key[:], b)
	return key, err
}
