//go:build !race

package upstream_test

import (
	"testing"

	"doorward/internal/sandbox"
)

// TestSBX10_RunOfMuchMemory: a run that takes more memory than it may is ended. The race detector
// reserves more than any limit in process 1.
func TestSBX10_RunOfMuchMemory(t *testing.T) {
	t.Parallel()
	bomb(t, `yes | tr -d '\n' | tail -c 3G`, sandbox.OverMemory, sandbox.Limits{Memory: 32 << 20, CPU: 4})
}
