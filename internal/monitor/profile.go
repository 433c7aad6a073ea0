package monitor

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// Bounds of what is learned, about 3 KB of one principal and 12 MB of all. The
// principal that was quiet longest is forgotten, and begins anew.
const (
	maxProfiles = 4096
	maxTools    = 256 // tools and upstreams of one principal
	maxNetworks = 64
	maxGrants   = 64 // roles and scopes
)

// Key makes digests of names that nobody without it can guess back.
type Key [32]byte

// digest is the SHA-256 of the key and a name in two parts. What is used of it is cut,
// so that nothing can be appended to a name.
func (k *Key) digest(first, second string) [sha256.Size]byte {
	var room [192]byte
	return sha256.Sum256(append(append(append(append(room[:0], k[:]...), first...), 0), second...))
}

// profileKey names a principal in what is kept: the first half of a digest, so that
// the file of profiles has no names in it.
type profileKey [16]byte

func (k *Key) principal(key string) profileKey {
	sum := k.digest("principal", key)
	return profileKey(sum[:16])
}

// name is a name in a profile: a tool by its upstream, a role, a scope.
func (k *Key) name(kind, name string) uint64 {
	sum := k.digest(kind, name)
	return binary.BigEndian.Uint64(sum[:8])
}

// profile is what one principal does.
type profile struct {
	First    time.Time // that it was seen
	Calls    int64     // that were carried out
	Tools    known[uint64]
	Networks known[netip.Prefix]
	Grants   known[uint64]
	Hours    uint32 // of the day, UTC: bit 0 is from 0:00 to 0:59
	Hour     int64  // that Bytes are of, since 1970
	Bytes    int64
	Most     int64 // bytes of the busiest hour before
}

// learned tells whether enough is known to call something unusual.
func (p *profile) learned(s *Settings, now time.Time) bool {
	return p.Calls >= s.MinHistory && now.Sub(p.First) >= s.Learn
}

// known is a set that holds at most so many; the oldest leaves.
type known[T comparable] struct {
	All  []T
	Next int // that is replaced when it is full
}

func (k *known[T]) has(v T) bool { return slices.Contains(k.All, v) }

// add adds what is not there.
func (k *known[T]) add(v T, most int) {
	switch {
	case k.has(v):
	case len(k.All) < most:
		k.All = append(k.All, v)
	default:
		k.All[k.Next%most] = v
		k.Next = (k.Next + 1) % most
	}
}

// learn adds a call that was carried out to what is known.
func (p *profile) learn(e *Event, k *Key) {
	if p.First.IsZero() {
		p.First = e.At.Round(0)
	}
	p.Calls++
	if use := k.name(e.Upstream, e.Tool); !p.Tools.has(use) {
		p.Tools.add(use, maxTools)
		p.Tools.add(k.name(e.Upstream, ""), maxTools)
	}
	p.Hours |= hourBit(e.At)
	p.Hour, p.Bytes, p.Most = p.hour(e)
	p.Bytes += e.Bytes
	if n, ok := networkOf(e); ok {
		p.Networks.add(n, maxNetworks)
	}
	for _, g := range grantsOf(e, k) {
		p.Grants.add(g, maxGrants)
	}
}

// profileRule is a rule about what one principal does.
type profileRule struct {
	name    string
	on      func(*Settings) bool
	unusual func(*profile, *Event, *Key) int64 // 0: it is as ever
}

func profileRules() []profileRule {
	return []profileRule{
		{unusualTools().name, func(s *Settings) bool { return s.UnusualTools }, newTool},
		{unusualVolume().name, func(s *Settings) bool { return s.UnusualVolume }, newVolume},
		{unusualHours().name, func(s *Settings) bool { return s.UnusualHours }, newHour},
		{newNetworks().name, func(s *Settings) bool { return s.NewNetworks }, newNetwork},
		{scopeGrowth().name, func(s *Settings) bool { return s.ScopeGrowth }, newGrant},
	}
}
