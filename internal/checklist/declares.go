package checklist

import "doorward/internal/config"

func declareChecks() []check {
	const page = "docs/how-to/disclose-ai-mediation.md"
	return []check{
		{Entry{
			"disclosure.label", "People are told that results come through an AI tool gateway",
			"set disclosure.label to the sentence that they should read (EU AI Act, article 50)", page,
		}, (*subject).label},
		{Entry{
			"declares.purpose", "Every upstream has a purpose",
			"write upstreams.NAME.declares: {purpose: …}", page,
		}, (*subject).purpose},
		{Entry{
			"declares.ai_act", "Every upstream has a risk class",
			"write upstreams.NAME.declares: {ai_act: minimal, limited or high}", page,
		}, (*subject).riskClass},
		{Entry{
			"declares.licence", "The licence of every upstream's software is known",
			"write upstreams.NAME.declares: {licence: MIT}, as an SPDX expression", page,
		}, (*subject).licence},
		{Entry{
			"declares.high_risk", "High-risk uses have a person who decides, and a record of what was asked",
			"open the upstream's tools in mode: approve alone, and keep audit.arguments sealed (EU AI Act, articles 12 and 14)", page,
		}, (*subject).highRisk},
	}
}

// declared is the table of what the operator says of each upstream.
func (s *subject) declared() []Declared {
	out := []Declared{}
	for name, u := range ordered(s.cfg.Upstreams) {
		out = append(out, Declared{Upstream: name, Purpose: u.Declares.Purpose, AIAct: u.Declares.AIAct, Licence: u.Declares.Licence})
	}
	return out
}

func (s *subject) label(a *answer) {
	if s.cfg.Disclosure.Label == "" {
		a.warn("disclosure.label", "is not written: nothing is told")
		return
	}
	a.pass("disclosure.label", "%q", s.cfg.Disclosure.Label)
}

// said warns of upstreams that do not declare something.
func (s *subject) said(a *answer, what string, of func(d config.Declares) string) {
	if len(s.cfg.Upstreams) == 0 {
		a.none("upstreams", "there is no upstream")
	}
	for name, u := range ordered(s.cfg.Upstreams) {
		if of(u.Declares) == "" {
			a.warn("upstreams."+name, "%s declares no %s", name, what)
		}
	}
	a.otherwise("", "upstreams: %d, all with a %s", len(s.cfg.Upstreams), what)
}

func (s *subject) purpose(a *answer) {
	s.said(a, "purpose", func(d config.Declares) string { return d.Purpose })
}

func (s *subject) riskClass(a *answer) {
	s.said(a, "risk class", func(d config.Declares) string { return d.AIAct })
}

func (s *subject) licence(a *answer) {
	s.said(a, "licence", func(d config.Declares) string { return d.Licence })
}

func (s *subject) highRisk(a *answer) {
	n := 0
	for name, u := range ordered(s.cfg.Upstreams) {
		if u.Declares.AIAct != "high" {
			continue
		}
		n++
		path := "upstreams." + name + ".declares.ai_act"
		if !s.approved(name) {
			a.warn(path, "%s is of high risk, and no rule has people approve its calls", name)
		}
		if how := s.cfg.Audit.Arguments; how != "sealed" && how != "plain" {
			a.warn(path, "%s is of high risk, and audit.arguments: %s keeps nothing of what was asked", name, how)
		}
	}
	if n == 0 {
		a.none("upstreams", "no upstream declares a high risk")
	}
	a.otherwise("", "upstreams of high risk: %d, with people who approve, and what was asked on record", n)
}

// approved tells whether a rule has people approve calls of the upstream.
func (s *subject) approved(upstream string) bool {
	for _, r := range s.rules() {
		if !r.deny && r.Mode == "approve" && (r.Approvers == nil || !r.Approvers.Self) && r.touches(upstream) {
			return true
		}
	}
	return false
}
