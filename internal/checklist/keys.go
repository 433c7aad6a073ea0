package checklist

import "time"

func keyChecks() []check {
	const page = "docs/how-to/check-before-production.md"
	return []check{
		{Entry{
			"identity.key_expiry", "Every key expires",
			"replace it by one that does: doorward key create NAME --expires 90d, then doorward key revoke ID", page,
		}, (*subject).keyExpiry},
		{Entry{
			"identity.key_age", "No key is older than monitor.rotation.api_keys",
			"doorward key rotate NAME --overlap 24h", page,
		}, (*subject).keyAge},
		{Entry{
			"identity.key_use", "Every key is in use",
			"doorward key revoke ID: nobody would miss it, and nobody would notice who else uses it", page,
		}, (*subject).keyUse},
	}
}

const (
	maxIdle = 90 * 24 * time.Hour
	grace   = 7 * 24 * time.Hour // for a new key to reach who uses it
)

// keyed tells whether keys let anybody in.
func (s *subject) keyed() bool {
	return s.cfg.Identity.APIKeys || s.cfg.Identity.SignedRequests != nil
}

// live hands over every key that lets somebody in.
func (s *subject) live(a *answer, do func(k *Key)) {
	if !s.keyed() {
		a.none("identity", "keys let nobody in")
		return
	}
	if s.unread(a) {
		return
	}
	n := 0
	for i := range s.state.Keys {
		if k := &s.state.Keys[i]; k.live(s.state.Now) {
			n++
			do(k)
		}
	}
	a.otherwise("", "live keys: %d", n)
}

func (k *Key) live(now time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || now.Before(k.Expires))
}

func (s *subject) keyExpiry(a *answer) {
	s.live(a, func(k *Key) {
		if k.Expires.IsZero() {
			a.warn("", "key %s (%s) never expires", k.Name, k.ID)
		}
	})
}

func (s *subject) keyAge(a *answer) {
	most := time.Duration(s.cfg.Monitor.Rotation.APIKeys)
	s.live(a, func(k *Key) {
		if age := s.state.Now.Sub(k.Created); most > 0 && age > most {
			a.warn("monitor.rotation.api_keys", "key %s (%s) is %d days old", k.Name, k.ID, days(age))
		}
	})
	if most == 0 && s.keyed() {
		a.warn("monitor.rotation.api_keys", "keys have no age at which they are replaced")
	}
}

func (s *subject) keyUse(a *answer) {
	s.live(a, func(k *Key) {
		switch idle := s.state.Now.Sub(k.LastUsed); {
		case k.LastUsed.IsZero() && s.state.Now.Sub(k.Created) > grace:
			a.warn("", "key %s (%s) was never used, and is %d days old", k.Name, k.ID, days(s.state.Now.Sub(k.Created)))
		case !k.LastUsed.IsZero() && idle > maxIdle:
			a.warn("", "key %s (%s) was last used %d days ago", k.Name, k.ID, days(idle))
		}
	})
}

func days(d time.Duration) int { return int(d / (24 * time.Hour)) }
