package monitor

func missed() rule {
	return rule{
		name: "missed", text: "records came too fast for the rules, which have not seen them",
		limit: once(func(*Settings) bool { return true }), subject: gatewayOf,
	}
}
