package monitor

func secretsSent() rule {
	return rule{
		name: "secrets_sent", text: "calls carry credentials in their arguments",
		limit: func(s *Settings) Limit { return s.SecretsSent }, weigh: secretSent, subject: callerOf, further: true,
	}
}

// secretSent counts calls in whose arguments a detector saw a credential, whether or
// not they were let through.
func secretSent(e *Event) int64 {
	if e.Kind == "" && e.Secret {
		return 1
	}
	return 0
}
