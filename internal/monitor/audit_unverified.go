package monitor

import "time"

func auditUnverified() rule {
	return rule{
		name: "audit_unverified", text: "the audit log was not verified (doorward audit verify)",
		limit:   once(func(s *Settings) bool { return s.VerifiedWithin > 0 }),
		subject: gatewayOf,
	}
}

// verification is when the log was verified last, or when somebody was told that it
// was not.
type verification struct{ at, told time.Time }

// overdue tells whether it is time to say so. It says so once in every such time.
func (v *verification) overdue(now time.Time, within time.Duration) bool {
	last := v.at
	if v.told.After(last) {
		last = v.told
	}
	if now.Sub(last) < within {
		return false
	}
	v.told = now
	return true
}
