package monitor

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// stateVersion is that of the file of profiles.
const stateVersion = 1

// maxState bounds the file, in bytes: every profile at its bounds.
const maxState = 48 << 20

// state is what a watch must not forget when the process ends. It names no principal,
// tool or role: they are there as digests with the watch's key.
type state struct {
	Version    int           `json:"version"`
	Verified   time.Time     `json:"verified"`
	Principals []keptProfile `json:"principals"` // the latest first
}

type keptProfile struct {
	Key      string         `json:"key"` // hex
	First    time.Time      `json:"first"`
	Calls    int64          `json:"calls"`
	Tools    []uint64       `json:"tools"`
	Networks []netip.Prefix `json:"networks,omitempty"`
	Grants   []uint64       `json:"grants,omitempty"`
	Hours    uint32         `json:"hours"`
	Most     int64          `json:"most"`
}

// Save is what the watch must not forget, when that has changed since the last call;
// nil when it has not.
func (w *Watch) Save() []byte {
	if !w.changed {
		return nil
	}
	w.changed = false
	s := state{Version: stateVersion, Verified: w.verified.at.UTC(), Principals: make([]keptProfile, 0, w.profiles.size())}
	w.profiles.all(func(k profileKey, p *profile) {
		s.Principals = append(s.Principals, keptProfile{
			Key: hex.EncodeToString(k[:]), First: p.First.UTC(), Calls: p.Calls, Hours: p.Hours, Most: max(p.Most, p.Bytes),
			Tools: p.Tools.All, Networks: p.Networks.All, Grants: p.Grants.All,
		})
	})
	content, err := json.Marshal(s)
	if err != nil {
		panic("monitor: the state does not marshal: " + err.Error()) // it holds numbers, times and hex alone
	}
	return content
}

// Load takes back what Save gave. One that is not whole changes nothing.
func (w *Watch) Load(content []byte) error {
	if len(content) > maxState {
		return fmt.Errorf("the profiles have more than %d bytes", maxState)
	}
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.DisallowUnknownFields()
	var s state
	if err := dec.Decode(&s); err != nil {
		return fmt.Errorf("reading profiles: %w", err)
	}
	if s.Version != stateVersion || len(s.Principals) > maxProfiles || s.Verified.IsZero() {
		return errors.New("the profiles are not of this version")
	}
	all := newRecent[profileKey, *profile](maxProfiles)
	for i := range slices.Backward(s.Principals) {
		k := &s.Principals[i]
		id, err := hex.DecodeString(k.Key)
		if err != nil || len(id) != len(profileKey{}) || len(k.Tools) > maxTools || len(k.Networks) > maxNetworks || len(k.Grants) > maxGrants || k.Calls < 0 || k.First.IsZero() {
			return fmt.Errorf("profile %d is not one", i+1)
		}
		if _, twice := all.get(profileKey(id)); twice {
			return fmt.Errorf("profile %d is there twice", i+1)
		}
		all.put(profileKey(id), &profile{
			First: k.First, Calls: k.Calls, Hours: k.Hours, Most: k.Most,
			Tools: known[uint64]{All: k.Tools}, Networks: known[netip.Prefix]{All: k.Networks}, Grants: known[uint64]{All: k.Grants},
		})
	}
	w.profiles = all
	if s.Verified.Before(w.start) { // or the clock was wrong
		w.verified.at = s.Verified
	}
	return nil
}
