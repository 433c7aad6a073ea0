package checklist

func recordChecks() []check {
	const page = "docs/reference/audit-log.md"
	return []check{
		{Entry{
			"audit.durability", "Records outlive the power",
			"set audit.durability: power: the last records of a machine that loses its power are lost otherwise", page,
		}, (*subject).durability},
		{Entry{
			"audit.arguments", "What was asked is on record, sealed",
			"set audit.arguments: sealed: a digest proves what was sent but does not show it, and plain shows it to whoever reads the log", page,
		}, (*subject).arguments},
		{Entry{
			"audit.sinks", "Records are somewhere else, too",
			"name a copy in audit.sinks: a log on one machine is lost with it, and whoever rules the machine can write another", "docs/how-to/ship-the-record.md",
		}, (*subject).sinks},
	}
}

func (s *subject) durability(a *answer) {
	if d := s.cfg.Audit.Durability; d != "power" {
		a.warn("audit.durability", "is %s: records survive the end of Doorward, and not that of the machine", d)
		return
	}
	a.pass("audit.durability", "is power")
}

func (s *subject) arguments(a *answer) {
	switch how := s.cfg.Audit.Arguments; how {
	case "sealed":
		a.pass("audit.arguments", "is sealed")
	case "plain":
		a.warn("audit.arguments", "is plain: whoever reads the log reads them, and the secrets in them")
	case "hashed":
		a.warn("audit.arguments", "is hashed: nobody can see later what was asked")
	default:
		a.fail("audit.arguments", "is %s: not even a digest says what was asked", how)
	}
}

func (s *subject) sinks(a *answer) {
	if len(s.cfg.Audit.Sinks) == 0 {
		a.warn("audit.sinks", "names nobody: the only copy of the audit log is on this machine")
		return
	}
	elsewhere, required := 0, 0
	for i := range s.cfg.Audit.Sinks {
		if s.cfg.Audit.Sinks[i].Kind != "file" {
			elsewhere++
		}
		if s.cfg.Audit.Sinks[i].Required {
			required++
		}
	}
	if elsewhere == 0 {
		a.warn("audit.sinks", "has files alone: they are on this machine")
		return
	}
	a.pass("audit.sinks", "has %d copies, %d of them required", len(s.cfg.Audit.Sinks), required)
}
