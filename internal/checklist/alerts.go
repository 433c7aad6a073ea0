package checklist

func alertChecks() []check {
	const page = "docs/how-to/watch-and-alert.md"
	return []check{
		{Entry{
			"monitor.alerts", "Somebody is told of alerts",
			"write monitor.alerts, and try it out with doorward monitor test: an alert that is only on record waits until somebody looks", page,
		}, (*subject).alerts},
		{Entry{
			"monitor.rules", "Attacks and a silent log raise alerts",
			"take the rules out of monitor.rules, where they are turned off: unless written they are on", page,
		}, (*subject).watchedFor},
	}
}

func (s *subject) alerts(a *answer) {
	if n := len(s.cfg.Monitor.Alerts); n > 0 {
		a.pass("monitor.alerts", "names receivers: %d", n)
		return
	}
	a.warn("monitor.alerts", "names nobody: alerts are in the audit log, in Doorward's own and in the metrics alone")
}

func (s *subject) watchedFor(a *answer) {
	r := &s.cfg.Monitor.Rules
	for _, one := range [...]struct {
		name string
		off  bool
	}{
		{"failed_sign_ins", r.FailedSignIns.Off},
		{"denied_calls", r.DeniedCalls.Off},
		{"data_volume", r.DataVolume.Off},
		{"limit_violations", r.LimitViolations.Off},
		{"repeated_calls", r.RepeatedCalls.Off},
		{"secrets_sent", r.SecretsSent.Off},
		{"canary", !r.Canary},
		{"security_events", !r.SecurityEvents},
		{"unusual_tools", !r.UnusualTools},
		{"disk_space", !r.DiskSpace},
		{"clock_step", !r.ClockStep},
		{"audit_silence", r.AuditSilence == 0},
		{"verified_within", r.VerifiedWithin == 0},
	} {
		if one.off {
			a.warn("monitor.rules."+one.name, "is off")
		}
	}
	a.otherwise("monitor.rules", "those that need no getting used to are on")
}
