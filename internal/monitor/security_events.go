package monitor

func securityEvents() rule {
	return rule{
		name: "security_events", text: "something is not what it was",
		limit: once(func(s *Settings) bool { return s.SecurityEvents }), weigh: securityEvent, subject: upstreamOf,
	}
}

// securityEvent counts what is on record as an event and should not wait until
// somebody reads the log.
func securityEvent(e *Event) int64 {
	switch {
	case e.Kind == "trust.changed", // an upstream offers something else than what was approved
		e.Kind == "trust.lock" && e.Status == statusRefused,          // a lock file that nobody signed, or an old one
		e.Kind == "config.refused",                                   // a configuration that cannot be
		e.Kind == "egress.refused",                                   // a confined command tries to get out
		e.Kind == "upstream.breaker" && e.Status == statusFailed,     // an upstream fails again and again
		e.Kind == "sandbox.unproven",                                 // a sandbox that does not hold
		e.Kind == "sandbox.weaker",                                   // one with less around a command than there could be
		e.Kind == "name.blocked",                                     // a name that imitates another
		e.Kind == "secret.leaked",                                    // an upstream returns a secret that it was handed
		e.Kind == "tenant.crossed",                                   // or what is another tenant's
		e.Kind == "secret.lease_unreturned",                          // one that was for a call lives on
		e.Kind == "secret.overdue",                                   // one is older than it may be
		e.Kind == "audit.sink_failed", e.Kind == "audit.sink_behind", // a copy of the audit log does not come on
		e.Kind == "audit.sink_gap", e.Kind == "audit.sink_diverged", // or the log is not what was copied
		e.Kind == "audit.sink_distrusted",                     // or what said how far it came is forged
		e.Kind == "monitor.spool_distrusted",                  // alerts that waited were changed or taken away
		e.Kind == "audit.prune_failed",                        // or not what was written
		e.Kind == "state.accept_loss",                         // what was suspended or revoked is let in
		e.Kind == "state.loss_in_force",                       // the same, and of the log, by somebody while nothing served
		e.Kind == "audit.anchor_behind",                       // its checkpoints are not taken outside
		e.Kind == "audit.repaired", e.Kind == "audit.resumed", // it lost the end of a record, or took none for a while
		e.Kind == "issuer.bad_key", e.Kind == "issuer.metadata_changed",
		e.Kind == "approval.decide" && e.Status == statusRefused: // somebody unknown decides
		return 1
	}
	return 0
}
