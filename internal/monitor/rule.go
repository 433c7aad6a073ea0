package monitor

// rule is one thing that is watched for.
type rule struct {
	name string // in the configuration, in alerts and in metrics
	text string // what has happened, for people
	// limit is the rule's own of the settings; off: it is not watched for.
	limit func(*Settings) Limit
	// weigh is what an event counts; 0 for nothing. nil: what Watch knows of more than
	// one event decides.
	weigh   func(*Event) int64
	subject func(*Event) (Subject, bool)
	further bool // it is counted for more than the subject where the settings say so
}

// rules are all of them, as the configuration has them.
func rules() []rule {
	return []rule{
		failedSignIns(), deniedCalls(), dataVolume(), limitViolations(), repeatedCalls(), secretsSent(), canarySeen(), securityEvents(),
		unusualTools(), unusualVolume(), unusualHours(), newNetworks(), scopeGrowth(),
		auditSilence(), auditUnverified(), auditFault(), diskSpace(), clockStep(), missed(),
	}
}

// Rules are the names of all rules.
func Rules() []string {
	all := rules()
	names := make([]string, 0, len(all))
	for i := range all {
		names = append(names, all[i].name)
	}
	return names
}

// Said is what a rule says to people: what has happened.
func Said(name string) string {
	if name == RuleTest {
		return "nothing has happened, doorward monitor test was run"
	}
	all := rules()
	for i := range all {
		if all[i].name == name {
			return all[i].text
		}
	}
	return ""
}

// once is the limit of what is told the first time that it happens.
func once(on func(*Settings) bool) func(*Settings) Limit {
	return func(s *Settings) Limit {
		if !on(s) {
			return Limit{}
		}
		return Limit{N: 1, Per: s.Repeat}
	}
}
