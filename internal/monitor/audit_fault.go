package monitor

func auditFault() rule {
	return rule{
		name: "audit_fault", text: "the audit log was changed, or others have seen another one",
		limit: once(func(*Settings) bool { return true }), weigh: faultFound, subject: gatewayOf,
	}
}

func faultFound(e *Event) int64 {
	if e.Kind == kindVerify && e.Status == statusFailed || e.Kind == kindForked {
		return 1
	}
	return 0
}
