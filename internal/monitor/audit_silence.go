package monitor

import "time"

func auditSilence() rule {
	return rule{
		name: "audit_silence", text: "the audit log takes no records",
		limit:   once(func(s *Settings) bool { return s.AuditSilence > 0 }),
		subject: gatewayOf,
	}
}

// Pulse is what the audit log was asked to do since the start, and what it did.
type Pulse struct {
	Tried, Recorded, Failed uint64 // records
	Healthy                 error  // why none can be written; nil when they can
	// DiskUsed is how full the disk is that the log is on, in percent; 0 where nobody
	// knows. Ahead is how much further the wall clock has come than the monotonic one.
	DiskUsed int
	Ahead    time.Duration
}

// silence looks for a log that is alive in name alone. Its zero value begins.
type silence struct {
	settled uint64    // records that were written or failed, when the last was written
	last    uint64    // Recorded, at the last look
	since   time.Time // there is something to record, and nothing is recorded; zero: it is
	told    time.Time
}

// look tells whether it is time to say that the log has been silent for so long. It
// says so once in every repeat.
func (s *silence) look(p Pulse, now time.Time, most, repeat time.Duration) bool {
	switch {
	case p.Recorded != s.last && p.Healthy == nil:
		*s = silence{settled: p.Recorded + p.Failed, last: p.Recorded}
	case p.Tried <= s.settled && p.Healthy == nil: // nothing to record
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = now
	}
	if s.since.IsZero() || now.Sub(s.since) < most || !s.told.IsZero() && now.Sub(s.told) < repeat {
		return false
	}
	s.told = now
	return true
}
