package config

import "time"

// Bounds of an upstream's limits.
const (
	maxResult      = Size(1 << 30)
	maxTimeout     = Duration(24 * time.Hour)
	maxConcurrency = 10_000
	maxQueue       = 10_000
	maxValues      = 1_000_000 // as many as an upstream's message may have at all
)

func (v *checker) limits(path string, l Limits) {
	if l.Timeout <= 0 || l.Timeout > maxTimeout {
		v.fault(path+".timeout", "must be more than 0s and at most %v", maxTimeout)
	}
	if l.Concurrency < 1 || l.Concurrency > maxConcurrency {
		v.fault(path+".concurrency", "must be between 1 and %d", maxConcurrency)
	}
	if l.Queue < 1 || l.Queue > maxQueue {
		v.fault(path+".queue", "must be between 1 and %d", maxQueue)
	}
	if l.Result < minBody || l.Result > maxResult {
		v.fault(path+".result", "must be between %v and %v", minBody, maxResult)
	}
	if l.Arguments < 1 || l.Arguments > maxBody {
		v.fault(path+".arguments", "must be between 1B and %v", maxBody)
	}
	if l.Values < 1 || l.Values > maxValues {
		v.fault(path+".values", "must be between 1 and %d", maxValues)
	}
}
