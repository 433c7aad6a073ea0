package mcp

// TaskSupport is what a tool's definition, as the upstream sent it, says about
// being called as a task (2025-11-25, tasks, execution.taskSupport):
// "forbidden", "optional" or "required", and empty when it says nothing, which
// means forbidden, or nothing known. The upstream adapter calls it: a tool that
// must be called as a task cannot be called by a client of another era.
func TaskSupport(raw []byte) string {
	execution, _ := object(raw, "execution")
	switch support, _ := memberText(execution, "taskSupport"); support {
	case "forbidden", "optional", "required":
		return support
	}
	return ""
}
