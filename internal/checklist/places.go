package checklist

func placeChecks() []check {
	const keys, share = "docs/reference/configuration.md", "docs/how-to/share-state.md"
	return []check{
		{Entry{
			"state.data_dir", "The data directory is its owner's alone",
			"chmod 700 the directory: it holds keys and the audit log", keys,
		}, (*subject).dataDir},
		{Entry{
			"state.config_file", "The configuration is its owner's alone to write",
			"chmod go-w the file: whoever writes it decides what is let through", keys,
		}, (*subject).configFile},
		{Entry{
			"state.redis", "What gateways share goes over TLS",
			"use a rediss:// URL: whoever is on the way reads the password otherwise, and can undo a revocation", share,
		}, (*subject).sharedState},
		{Entry{
			"admin.listener", "Health and metrics are for this machine alone",
			"set admin.address to a loopback address: it answers without asking who it is", "docs/reference/metrics.md",
		}, (*subject).adminListener},
		{Entry{
			"gateway.ready", "The gateway that runs is in order",
			"mend what it says, and look with doorward doctor", "docs/how-to/fix-a-connection.md",
		}, (*subject).ready},
	}
}

func (s *subject) dataDir(a *answer) {
	switch d := s.state.DataDir; {
	case !d.Exists:
		a.none("data_dir", "%s is not there yet: Doorward makes it, with mode 0700", d.Path)
	case d.others() != 0:
		a.fail("data_dir", "others may enter %s (mode %04o)", d.Path, d.Mode.Perm())
	default:
		a.pass("data_dir", "%s has mode %04o", d.Path, d.Mode.Perm())
	}
}

func (s *subject) configFile(a *answer) {
	const writable = 0o022
	switch f := s.state.Config; {
	case !f.Exists:
		a.warn("", "the file was not looked at")
	case f.Mode.Perm()&writable != 0:
		a.warn("", "others may write %s (mode %04o)", f.Path, f.Mode.Perm())
	default:
		a.pass("", "%s has mode %04o", f.Path, f.Mode.Perm())
	}
}

func (s *subject) sharedState(a *answer) {
	switch r := s.state.Redis; {
	case s.cfg.State.Redis == "":
		a.none("state.redis", "this gateway keeps its state itself")
	case r == nil:
		a.warn("state.redis", "not known: the secret %s cannot be read here", s.cfg.State.Redis)
	case r.TLS:
		a.pass("state.redis", "%s over TLS", r.Host)
	case r.Loopback:
		a.pass("state.redis", "%s is this machine", r.Host)
	default:
		a.fail("state.redis", "%s is spoken to without TLS", r.Host)
	}
}

func (s *subject) adminListener(a *answer) {
	switch at := s.cfg.Admin.Address; {
	case !at.IsValid():
		a.none("admin.address", "is not written: there is no such listener")
	case !at.Addr().IsLoopback():
		a.fail("admin.address", "%s answers other machines", at)
	default:
		a.pass("admin.address", "%s is loopback", at)
	}
}

func (s *subject) ready(a *answer) {
	g := s.state.Gateway
	if g == nil {
		a.none("", "no gateway runs on the data directory")
		return
	}
	for _, why := range g.Reasons {
		a.fail("", "%s", why)
	}
	if !g.Ready {
		a.fail("", "it does not serve")
	}
	a.otherwise("", "it runs and serves")
}
