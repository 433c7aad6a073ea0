package monitor

func canarySeen() rule {
	return rule{
		name: "canary", text: "a planted value was on its way out",
		limit: once(func(s *Settings) bool { return s.Canary }), weigh: canary, subject: callerOrGateway,
	}
}

func canary(e *Event) int64 {
	if e.Kind == kindCanary {
		return 1
	}
	return 0
}
