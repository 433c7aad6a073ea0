package monitor

import (
	"strings"

	"doorward/internal/gate"
)

func limitViolations() rule {
	return rule{
		name: "limit_violations", text: "limits are run into",
		limit: func(s *Settings) Limit { return s.LimitViolations }, weigh: limitViolation, subject: callerOrGateway, further: true,
	}
}

// limitViolation counts what was refused because it was too much: of bytes, sessions,
// connections, calls at once, calls that wait for people.
func limitViolation(e *Event) int64 {
	if LimitViolation(e.Code) || e.Kind == "upstream.limit" { // a command met a limit of its sandbox
		return 1
	}
	return 0
}

// LimitViolation tells whether a code says that something was too much.
func LimitViolation(code gate.Code) bool {
	switch code {
	case gate.CodeTooLarge, gate.CodeSessionLimit, gate.CodeApprovalLimit, gate.CodeUpstreamBusy,
		"http.address_limit", "http.headers", "stream.busy":
		return true
	default:
		return strings.HasPrefix(string(code), "limit.")
	}
}

func callerOrGateway(e *Event) (Subject, bool) {
	if s, ok := callerOf(e); ok {
		return s, true
	}
	return gatewayOf(e)
}
