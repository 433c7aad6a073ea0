package checklist

import (
	"maps"
	"slices"
)

func containChecks() []check {
	return []check{{Entry{
		"monitor.contain", "What rules suspend shuts nobody else out",
		"give what is suspended a time, name the proxies in listen.trusted_proxies, and leave out what many share", "docs/how-to/respond-to-an-incident.md",
	}, (*subject).contains}}
}

// contains looks for measures by which somebody, the operator too, could shut out more
// than is meant.
func (s *subject) contains(a *answer) {
	m := s.cfg.Monitor.Contain
	if len(m) == 0 {
		a.none("monitor.contain", "no rule suspends anything; doorward incident contain does")
		return
	}
	l := &s.cfg.Listen
	proxied := l.TLS.TerminatedBy != "" || l.PublicURL != "" && l.TLS.Cert == "" && l.TLS.ACME == nil
	for _, rule := range slices.Sorted(maps.Keys(m)) {
		path, measure := "monitor.contain."+rule, m[rule]
		switch {
		case measure.What == "address" && proxied && len(l.TrustedProxies) == 0:
			a.warn(path, "suspends addresses, and without listen.trusted_proxies every client has that of the proxy: one that guesses shuts out all")
		case measure.What == "address" && measure.For == 0:
			a.warn(path, "suspends addresses until somebody releases them: whoever gets the address next, or shares it, is shut out too")
		case (measure.What == "principal" || measure.What == "key") && s.cfg.Identity.Anonymous != nil:
			a.warn(path, "suspends principals, and everybody without a credential is one (identity.anonymous)")
		case measure.What == "upstream":
			a.warn(path, "suspends an upstream for all when one of its definitions changes, as an update changes them")
		default:
			a.pass(path, "%s", measure)
		}
	}
}
