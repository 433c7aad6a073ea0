package monitor

import (
	"strings"

	"doorward/internal/gate"
)

func limitViolations() rule {
	return rule{
		name: "limit_violations", text: "limits are run into",
		limit: func(s *Settings) Limit { return s.LimitViolations }, weigh: limitViolation, subject: limitedOne, further: true,
	}
}

// limitViolation counts what was refused because it was too much: of bytes, sessions,
// connections, calls at once, calls that wait for people.
func limitViolation(e *Event) int64 {
	switch {
	case e.Kind == kindUpstreamLimit:
		return commandWeight
	case LimitViolation(e.Code):
		return 1
	}
	return 0
}

// kindUpstreamLimit is a command that met a limit of its sandbox or its output. Its next
// process is started with growing delays: 1, 2, 4 and 8 s, so that a bomb is met six times in
// the first minute, where a caller can be refused thousands of times.
const (
	kindUpstreamLimit = "upstream.limit"
	commandWeight     = 5
)

// LimitViolation tells whether a code says that something was too much.
func LimitViolation(code gate.Code) bool {
	switch code {
	case gate.CodeLimitDown: // nobody asked for too much
		return false
	case gate.CodeTooLarge, gate.CodeSessionLimit, gate.CodeApprovalLimit, gate.CodeUpstreamBusy,
		"http.address_limit", "http.headers", "stream.busy":
		return true
	default:
		return strings.HasPrefix(string(code), "limit.")
	}
}

// limitedOne is who ran into the limit: a command, a caller, or nobody that is known.
func limitedOne(e *Event) (Subject, bool) {
	if e.Kind == kindUpstreamLimit {
		return upstreamOf(e)
	}
	return callerOrGateway(e)
}

func callerOrGateway(e *Event) (Subject, bool) {
	if s, ok := callerOf(e); ok {
		return s, true
	}
	return gatewayOf(e)
}
