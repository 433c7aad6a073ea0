package monitor

func dataVolume() rule {
	return rule{
		name: "data_volume", text: "much data passes (bytes)",
		limit: func(s *Settings) Limit { return s.DataVolume }, weigh: volume, subject: callerOf, further: true,
	}
}

// volume is the bytes of an exchange, in both directions.
func volume(e *Event) int64 {
	if e.Kind != "" || e.Who == nil {
		return 0
	}
	return e.Bytes
}
