package checklist

import (
	"strings"

	"doorward/internal/config"
)

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
			"audit.retain", "Records are kept long enough",
			"set audit.retain to 184d or more: logs of AI systems are to be kept for six months at least", "docs/how-to/keep-and-delete.md",
		}, (*subject).retain},
		{Entry{
			"audit.sinks", "Records are somewhere else, too",
			"name a copy in audit.sinks: a log on one machine is lost with it, and whoever rules the machine can write another", "docs/how-to/ship-the-record.md",
		}, (*subject).sinks},
		{Entry{
			"audit.checkpoint", "Somebody outside knows how long the log is",
			"name a witness, or an anchor on another machine, in audit.checkpoint: a log that was cut, or put back to an older copy, holds by itself", "docs/how-to/verify-the-audit-log.md",
		}, (*subject).checkpoint},
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

func (s *subject) retain(a *answer) {
	if short := s.cfg.Audit.Retain.Short(); len(short) > 0 {
		a.warn("audit.retain", "keeps %s for less than %s (EU AI Act, articles 19 and 26(6))", strings.Join(short, ", "), config.LeastRetain)
		return
	}
	a.pass("audit.retain", "keeps everything for %s or more", config.LeastRetain)
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

func (s *subject) checkpoint(a *answer) {
	c := &s.cfg.Audit.Checkpoint
	if len(c.Witness)+len(c.Anchors) == 0 {
		a.warn("audit.checkpoint", "names nobody: the end of the audit log can be cut off unnoticed")
		return
	}
	elsewhere := len(c.Witness)
	for i := range c.Anchors {
		if c.Anchors[i].Kind == "http" || c.Anchors[i].Remote != "" {
			elsewhere++
		}
	}
	if elsewhere == 0 {
		a.warn("audit.checkpoint", "has anchors on this machine alone, unless their disk is another's")
		return
	}
	a.pass("audit.checkpoint", "has %d witnesses, of which %d must cosign, and %d anchors", len(c.Witness), c.Cosignatures, len(c.Anchors))
}
