//go:build !race

package sandbox_test

import (
	"slices"
	"testing"

	"doorward/internal/sandbox"
)

// TestSBX10_Memory has a command take more memory than its limit (SBX-10). The race detector
// reserves more than any limit in process 1.
func TestSBX10_Memory(t *testing.T) {
	t.Parallel()
	j := shell(`yes | tr -d '\n' | tail -c 3G`, sandbox.Limits{Memory: 32 << 20, CPU: 4})
	o := j.do()
	if !slices.ContainsFunc(o.Reports, func(r sandbox.Report) bool { return r.Kind == sandbox.OverMemory }) {
		t.Errorf("reports %v, said %.300q, %s; want %s", o.Reports, o.Out, o.Err, sandbox.OverMemory)
	}
}
