package monitor

func unusualVolume() rule {
	return rule{
		name: "unusual_volume", text: "a principal moves far more data in an hour than ever before (bytes)",
		limit: once(func(s *Settings) bool { return s.UnusualVolume }), subject: principalOf,
	}
}

// An hour is unusual when it has ten times the bytes of the busiest before, and at
// least 10 MiB: below that it is one document.
const (
	volumeFactor = 10
	volumeFloor  = 10 << 20
)

// newVolume tells of an hour that becomes unusual with its bytes, and of every call
// after that with its own.
func newVolume(p *profile, e *Event, _ *Key) int64 {
	_, before, most := p.hour(e)
	unusual := func(bytes int64) bool { return bytes >= volumeFloor && bytes/volumeFactor >= most }
	switch {
	case !unusual(before + e.Bytes):
		return 0
	case unusual(before):
		return e.Bytes
	}
	return before + e.Bytes
}

const secondsOfHour = 60 * 60

// hour is the hour of an event, what passed in it before, and what did in the
// busiest of the hours before it.
func (p *profile) hour(e *Event) (hour, bytes, most int64) {
	if hour = e.At.Unix() / secondsOfHour; hour > p.Hour {
		return hour, 0, max(p.Most, p.Bytes)
	}
	return p.Hour, p.Bytes, p.Most
}
