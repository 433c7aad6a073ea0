//go:build !linux

package condition_test

import (
	"testing"
	"time"
)

//nolint:gochecknoglobals // read-only
var began = time.Now()

// spent is the time that has passed: threads have no clock of their own here.
func spent(*testing.T) time.Duration { return time.Since(began) }
