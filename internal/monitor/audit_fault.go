package monitor

func auditFault() rule {
	return rule{
		name: "audit_fault", text: "doorward audit verify found that the audit log was changed",
		limit: once(func(*Settings) bool { return true }), weigh: faultFound, subject: gatewayOf,
	}
}

func faultFound(e *Event) int64 {
	if e.Kind == kindVerify && e.Status == statusFailed {
		return 1
	}
	return 0
}
