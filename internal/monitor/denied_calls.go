package monitor

import "doorward/internal/gate"

func deniedCalls() rule {
	return rule{
		name: "denied_calls", text: "calls are denied",
		limit: func(s *Settings) Limit { return s.DeniedCalls }, weigh: deniedCall, subject: callerOf, further: true,
	}
}

// deniedCall counts what a known principal may not do, or guesses at. What is badly
// formed is not here: models make such calls all day.
func deniedCall(e *Event) int64 {
	if e.Kind != "" || e.Who == nil || e.Status != statusRefused && e.Status != statusFailed {
		return 0
	}
	switch e.Code {
	case gate.CodeDenied, gate.CodeScope, gate.CodeArgumentsRefused, gate.CodeSecretLeaves, gate.CodePersonalLeaves,
		gate.CodeApprovalDenied, gate.CodeFlow, gate.CodeJudge,
		gate.CodeUnknownTool, gate.CodeUnknownPrompt, gate.CodeUnknownResource, gate.CodeUnknownTask,
		gate.CodeRejectedTool, gate.CodeRejectedPrompt, gate.CodeRejectedResource,
		gate.CodeSession, gate.CodeProfile:
		return 1
	default:
		return 0
	}
}

// The statuses of exchanges that came to nothing.
const (
	statusRefused = "refused"
	statusFailed  = "failed"
)
