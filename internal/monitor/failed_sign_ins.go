package monitor

import "doorward/internal/gate"

func failedSignIns() rule {
	return rule{
		name: "failed_sign_ins", text: "sign-ins fail",
		limit: func(s *Settings) Limit { return s.FailedSignIns }, weigh: failedSignIn, subject: addressOrGateway, further: true,
	}
}

// failedSignIn counts credentials that were not good. No credential at all is how
// every client of OAuth begins.
func failedSignIn(e *Event) int64 {
	switch e.Code {
	case gate.CodeBadCredential, gate.CodeExpiredCredential, gate.CodeIdentityConflict:
		return 1
	default:
		return 0
	}
}

// addressOrGateway is where the client is; where the transport has no addresses,
// there is one client.
func addressOrGateway(e *Event) (Subject, bool) {
	if s, ok := addressOf(e); ok {
		return s, true
	}
	return gatewayOf(e)
}
