package monitor

func unusualTools() rule {
	return rule{
		name: "unusual_tools", text: "a principal uses a tool for the first time",
		limit: once(func(s *Settings) bool { return s.UnusualTools }), subject: principalOf,
	}
}

// newTool tells of the first use of a tool or prompt, or of an upstream.
func newTool(p *profile, e *Event, k *Key) int64 {
	if e.Upstream == "" || p.Tools.has(k.name(e.Upstream, e.Tool)) {
		return 0
	}
	return 1
}
